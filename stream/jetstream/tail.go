package jetstream

import (
	"context"
	"sync"
	"time"

	"github.com/ikada-io/ikada/stream"
)

// What a tail holds is bounded, and so are the spare buffers beside it.
const (
	tailBytes    = 16 << 20
	tailMessages = 4096
	// patience bounds the wait for room in a tail, and none waits for a reader that
	// took no message within pace. So four messages of 1 MiB, as collect has them in
	// flight, are stored at 40 MB/s a shard or faster, whatever the reader does.
	patience = 100 * time.Millisecond
	pace     = 500 * time.Millisecond
)

// tail hands messages that were just stored to the lane's reader without
// another way through the server, which copies each byte six times. Append
// offers a message once it is acknowledged, so a tail holds nothing that is not
// on disk. What a tail has no room for the reader fetches from the server. That
// costs so much that a reader who had to once would be behind from then on, at
// the same load; so Append waits a little for room.
type tail struct {
	mu       sync.Mutex
	messages map[uint64]stream.Message // by sequence number
	bytes    int                       // capacity of their buffers
	next     uint64                    // the reader wants none before it
	refused  uint64                    // the last sequence number there was no room for
	spare    [][]byte
	spareCap int
	took     time.Time // when the reader last took a message
	room     signal    // it took one, or fetched some
}

func newTail(next uint64) *tail {
	return &tail{messages: map[uint64]stream.Message{}, next: next}
}

// offer copies a message into the tail, if there is room or will be soon.
func (t *tail) offer(ctx context.Context, seq uint64, data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.full(len(data)) && time.Since(t.took) < pace {
		t.waitForRoom(ctx, seq, len(data))
	}
	if seq < t.next {
		return // it was fetched
	}
	if t.full(len(data)) {
		t.refused = max(t.refused, seq)
		return
	}
	buf := t.buffer(len(data))
	t.bytes += cap(buf)
	t.messages[seq] = stream.Message{Position: position(seq), Time: time.Now(), Data: append(buf, data...)}
}

func (t *tail) full(n int) bool {
	return t.bytes+n > tailBytes || len(t.messages) == tailMessages
}

// waitForRoom waits until n bytes have room or seq needs none. It gives the
// lock away meanwhile.
func (t *tail) waitForRoom(ctx context.Context, seq uint64, n int) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for t.full(n) && seq >= t.next && ctx.Err() == nil {
		room := t.room.next()
		t.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
		t.mu.Lock()
	}
}

// take removes and returns a message, which the caller gives back to release.
// The messages before it are dropped.
func (t *tail) take(seq uint64) (stream.Message, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, ok := t.messages[seq]
	if ok {
		delete(t.messages, seq)
		t.bytes -= cap(m.Data)
		t.next, t.took = seq+1, time.Now()
		t.room.fire()
	}
	return m, ok
}

// passed drops the messages up to seq: the reader has fetched them.
func (t *tail) passed(seq uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.room.fire()
	t.next = seq + 1
	for held, m := range t.messages {
		if held <= seq {
			delete(t.messages, held)
			t.bytes -= cap(m.Data)
			t.keep(m.Data)
		}
	}
}

// state tells whether messages wait, and whether seq was refused.
func (t *tail) state(seq uint64) (waiting, refused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.messages) > 0, seq <= t.refused
}

// release takes a message's buffer back.
func (t *tail) release(buf []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(buf)
}

func (t *tail) keep(buf []byte) {
	if t.spareCap+cap(buf) <= tailBytes {
		t.spare = append(t.spare, buf[:0])
		t.spareCap += cap(buf)
	}
}

// buffer returns an empty buffer for n bytes: a spare one unless that is too
// small, or so large that it would waste the tail's room.
func (t *tail) buffer(n int) []byte {
	if last := len(t.spare) - 1; last >= 0 {
		buf := t.spare[last]
		t.spare = t.spare[:last]
		t.spareCap -= cap(buf)
		if cap(buf) >= n && cap(buf) <= 2*n+4096 {
			return buf
		}
	}
	return make([]byte, 0, n+n/8) // so that the next, a little larger, fits too
}
