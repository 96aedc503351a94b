package s3

import (
	"context"
	"errors"
	"io"
	"time"
)

// errStalled ends an attempt in which nothing moved for Options.Stall.
var errStalled = errors.New("the connection stalled")

// attempt is one try of a call.
type attempt struct {
	number  int // from 1
	counter *counter
	timer   *time.Timer
	stall   time.Duration
}

// watch starts an attempt, whose context ends when nothing moves for too long.
// A limit of time for the whole would either cut slow transfers of large
// objects or be of no use for small ones.
func watch(ctx context.Context, stall time.Duration) (context.Context, *attempt, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &attempt{stall: stall}
	a.timer = time.AfterFunc(stall, func() { cancel(errStalled) })
	return ctx, a, func() {
		a.timer.Stop()
		cancel(nil)
	}
}

// sends notes that a request is about to be sent.
func (a *attempt) sends(o op) {
	a.counter.sent[o].Add(1)
	if a.number > 1 {
		a.counter.retries.Add(1)
	}
}

// inBuffers is about what the buffers of sockets on the way may hold of a body
// that seems to be sent.
const inBuffers = 4 << 20

// allow gives a body's last bytes time to leave the buffers: the wait for an
// answer begins when the store has them all, which cannot be seen from here.
func (a *attempt) allow(size int64) {
	a.stall += time.Duration(float64(a.stall) * float64(min(size, inBuffers)) / inBuffers)
}

// moved notes that bytes went in or out.
func (a *attempt) moved() { a.timer.Reset(a.stall) }

// reader notes what is read from a response.
func (a *attempt) reader(r io.Reader) io.Reader { return &movingReader{r, a} }

type movingReader struct {
	io.Reader
	attempt *attempt
}

func (r *movingReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	if n > 0 {
		r.attempt.moved()
	}
	return n, err
}
