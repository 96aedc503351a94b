package awstest

import (
	"context"
	"sync"
	"testing"
)

// Function is a Lambda function with as many execution environments as it has
// invocations at a time. As in Lambda, an invocation gets whichever is idle: one
// environment sees the batches of many shards, and a shard many environments.
type Function struct {
	t         testing.TB
	bootstrap string
	env       []string

	mu   sync.Mutex
	all  []*Lambda
	idle []*Lambda
}

// NewFunction returns a function that ends with the test.
func NewFunction(t testing.TB, bootstrap string, env ...string) *Function {
	return &Function{t: t, bootstrap: bootstrap, env: env}
}

// Invoke is Lambda.Invoke of an environment that is idle, or of a new one.
func (f *Function) Invoke(ctx context.Context, event any) ([]byte, error) {
	l := f.take()
	defer f.put(l)
	return l.Invoke(ctx, event)
}

func (f *Function) take() *Lambda {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle); n > 0 {
		l := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return l
	}
	l := NewLambda(f.t, f.bootstrap, f.env...)
	f.all = append(f.all, l)
	return l
}

func (f *Function) put(l *Lambda) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, l)
}

// Environments returns how many environments there are, and Starts how often
// their processes were started.
func (f *Function) Environments() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

// Starts counts the cold starts of all environments.
func (f *Function) Starts() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.all {
		n += l.Starts()
	}
	return n
}
