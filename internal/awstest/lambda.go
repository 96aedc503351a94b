package awstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada/internal/proc"
)

// Lambda is one execution environment of a Lambda function: it runs the real
// bootstrap binary against a Runtime API, one invocation at a time. The first
// invocation, and the one after the process ended or was killed, is a cold start.
type Lambda struct {
	Bootstrap string        // path of the binary
	Env       []string      // its environment, but for what the Runtime API adds
	Timeout   time.Duration // then the process is killed, as Lambda does; 15 minutes

	mu      sync.Mutex // one invocation
	runtime *runtimeAPI
	process *process
	starts  int
	started time.Time
}

// FunctionError is what a function answered instead of a result.
type FunctionError struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// ErrTimeout: the function did not answer in its time and was killed.
var ErrTimeout = errors.New("the function timed out")

// NewLambda returns an environment that ends with the test.
func NewLambda(t testing.TB, bootstrap string, env ...string) *Lambda {
	t.Helper()
	l := &Lambda{Bootstrap: bootstrap, Env: env, Timeout: 15 * time.Minute, runtime: newRuntimeAPI(t)}
	t.Cleanup(func() {
		l.Kill()
		if t.Failed() && l.process != nil {
			t.Logf("%s printed:\n%s", filepath.Base(bootstrap), l.process.output.String())
		}
	})
	return l
}

// Invoke calls the function with an event, which goes as it is if it is encoded
// already (json.RawMessage), and returns its result. The error is
// a *FunctionError if the function failed, ErrTimeout if it took too long, and
// ctx's if ctx ended: then the process is killed, in the middle of what it did.
func (l *Lambda) Invoke(ctx context.Context, event any) ([]byte, error) {
	payload, encoded := event.(json.RawMessage)
	if !encoded {
		var err error
		if payload, err = json.Marshal(event); err != nil {
			return nil, fmt.Errorf("encode the event: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.start(); err != nil {
		return nil, err
	}
	limit, cancel := context.WithTimeoutCause(ctx, l.Timeout, ErrTimeout)
	defer cancel()
	deadline, _ := limit.Deadline()
	call := &invocation{payload: payload, deadline: deadline, done: make(chan struct{})}
	answer, err := l.runtime.call(limit, call, l.process.exited)
	if err == nil {
		return answer, nil
	}
	if failed := (*FunctionError)(nil); !errors.As(err, &failed) {
		l.process.stop() // whatever it was doing
		err = fmt.Errorf("%w; it printed:\n%s", err, l.process.output.String())
	}
	return nil, err
}

// Usage returns the processor time that the process at hand has used, and the
// most memory that it had, in bytes. Not while it is invoked.
func (l *Lambda) Usage() (cpu time.Duration, peak int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.process == nil {
		return 0, 0, errors.New("the function was never invoked")
	}
	pid := l.process.cmd.Process.Pid
	cpu, err1 := proc.CPU(pid)
	peak, err2 := proc.Peak(pid)
	return cpu, peak, errors.Join(err1, err2)
}

// Starts counts the cold starts.
func (l *Lambda) Starts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.starts
}

// Started returns how long the process that runs now took, from its start, to
// ask for its first invocation: what Lambda calls its initialization.
func (l *Lambda) Started() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.runtime.firstNext().Sub(l.started)
}

// Kill ends the process after the invocation at hand, so the next one is a cold start.
func (l *Lambda) Kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.process != nil {
		l.process.stop()
	}
}

// start starts the process unless it runs.
func (l *Lambda) start() error {
	if l.process != nil {
		select {
		case <-l.process.exited:
		default:
			return nil
		}
	}
	cmd := exec.Command(l.Bootstrap)
	cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + l.runtime.began(), "AWS_LAMBDA_FUNCTION_NAME=" + filepath.Base(l.Bootstrap), "PATH=" + os.Getenv("PATH")}, l.Env...)
	start := time.Now()
	p, err := runCommand(cmd)
	if err != nil {
		return err
	}
	l.process, l.started = p, start
	l.starts++
	return nil
}
