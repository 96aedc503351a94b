package lambdas

import (
	"runtime/debug"
	"strconv"
)

// LimitMemory has the garbage collector keep the process within what Lambda
// gives it, and says so in its environment. A fifth is left for the binary, stacks
// and what the system counts. GOMEMLIMIT goes before it.
func LimitMemory(env Env) {
	size, err := strconv.ParseInt(env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 64)
	if err != nil || size <= 0 || env("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(size << 20 * 4 / 5)
}
