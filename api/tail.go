package api

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/ikada-io/ikada"
)

// Tail shows live events to those who listen. It implements record.Tap, which
// is called where rows are made, so it must cost nothing while nobody listens,
// and a listener that is too slow loses events instead of slowing the pipeline.
// The zero value is ready.
type Tail struct {
	// listening is replaced as a whole, so that readers need no lock.
	listening atomic.Pointer[map[ikada.LogType][]*listener]

	mu     sync.Mutex // of whoever replaces it
	count  int
	closed bool
}

// listener is one who listens to one log type. What waits for it is bounded by
// number and by bytes.
type listener struct {
	lines   chan []byte
	bytes   atomic.Int64
	dropped atomic.Int64
	ended   chan struct{}
}

const (
	maxListeners    = 100
	maxWaiting      = 1024
	maxWaitingBytes = 4 << 20
)

// Wants reports whether anybody listens to a log type.
func (t *Tail) Wants(name ikada.LogType) bool {
	m := t.listening.Load()
	return m != nil && len((*m)[name]) > 0
}

// Row hands a row to those who listen. The line is copied.
func (t *Tail) Row(name ikada.LogType, line []byte) {
	m := t.listening.Load()
	if m == nil {
		return
	}
	for _, l := range (*m)[name] {
		l.offer(line)
	}
}

func (l *listener) offer(line []byte) {
	if len(l.lines) == cap(l.lines) || l.bytes.Load()+int64(len(line)) > maxWaitingBytes {
		l.dropped.Add(1)
		return
	}
	l.bytes.Add(int64(len(line)))
	select {
	case l.lines <- append([]byte(nil), line...):
	default: // several rows are made at once
		l.bytes.Add(-int64(len(line)))
		l.dropped.Add(1)
	}
}

// Close ends all listening, so that a server can shut down.
func (t *Tail) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if m := t.listening.Swap(nil); m != nil {
		for _, listeners := range *m {
			for _, l := range listeners {
				close(l.ended)
			}
		}
	}
}

// listen returns a listener, or nil if there are too many.
func (t *Tail) listen(name ikada.LogType) *listener {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.count >= maxListeners {
		return nil
	}
	t.count++
	l := &listener{lines: make(chan []byte, maxWaiting), ended: make(chan struct{})}
	t.replace(name, func(old []*listener) []*listener { return append(old[:len(old):len(old)], l) })
	return l
}

func (t *Tail) leave(name ikada.LogType, l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	if t.closed {
		return
	}
	t.replace(name, func(old []*listener) []*listener {
		var left []*listener
		for _, o := range old {
			if o != l {
				left = append(left, o)
			}
		}
		return left
	})
}

func (t *Tail) replace(name ikada.LogType, change func([]*listener) []*listener) {
	next := map[ikada.LogType][]*listener{}
	if m := t.listening.Load(); m != nil {
		for n, listeners := range *m {
			next[n] = listeners
		}
	}
	if next[name] = change(next[name]); len(next[name]) == 0 {
		delete(next, name)
	}
	if len(next) == 0 {
		t.listening.Store(nil)
		return
	}
	t.listening.Store(&next)
}

type droppedLine struct {
	Dropped int64 `json:"dropped"`
}

// tail streams the rows of a log type as they are made, until the caller goes.
// Rows that it was too slow for are counted in a line {"dropped": n}.
func (s *server) tail(w http.ResponseWriter, r *http.Request) {
	name := ikada.LogType(r.PathValue("type"))
	l := s.Tail.listen(name)
	if l == nil {
		s.fail(w, http.StatusServiceUnavailable, "too many callers listen to live events already, or Ikada is shutting down: end one of them, or wait")
		return
	}
	defer s.Tail.leave(name, l)
	out := newLines(w)
	if out.flush() != nil { // the caller sees that it is listening
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-l.ended:
			return
		case line := <-l.lines:
			out.line(line)
			l.bytes.Add(-int64(len(line)))
		}
		if out.pending() < gulp && len(l.lines) > 0 {
			continue
		}
		if n := l.dropped.Swap(0); n > 0 {
			if out.write(droppedLine{n}) != nil {
				return
			}
		}
		if out.flush() != nil {
			return
		}
	}
}
