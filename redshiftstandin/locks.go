package redshiftstandin

import (
	"context"
	"slices"
	"sync"
)

// mode is how strongly a table is locked, until the end of the transaction.
type mode uint8

const (
	reading   mode = iota + 1 // AccessShare: SELECT
	writing                   // ShareRowExclusive: INSERT, UPDATE, DELETE, COPY; one writer at a time
	exclusive                 // AccessExclusive: LOCK and DDL; readers wait, too
)

func conflict(a, b mode) bool {
	return a == exclusive || b == exclusive || a == writing && b == writing
}

// locks are the table locks of all sessions.
type locks struct {
	mu     sync.Mutex
	tables map[string]*tableLock
	change chan struct{} // closed and replaced whenever a wait may be over
}

type tableLock struct {
	holders map[*session]mode
	queue   []*request // first come, first served
}

type request struct {
	by   *session
	mode mode
}

func newLocks() *locks {
	return &locks{tables: map[string]*tableLock{}, change: make(chan struct{})}
}

// acquire locks a table for a session, waiting as long as ctx lets it. A wait
// that could never end is refused as a deadlock.
func (l *locks) acquire(ctx context.Context, s *session, table string, m mode) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tables[table]
	if t == nil {
		t = &tableLock{holders: map[*session]mode{}}
		l.tables[table] = t
	}
	if t.holders[s] >= m {
		return nil
	}
	r := &request{s, m}
	t.queue = append(t.queue, r)
	defer func() {
		t.queue = slices.DeleteFunc(t.queue, func(q *request) bool { return q == r })
		l.wake()
	}()
	for len(t.blockers(r)) > 0 {
		if l.deadlock(s) {
			return errorf(codeDeadlock, "deadlock detected")
		}
		change := l.change
		l.mu.Unlock()
		var err error
		select {
		case <-change:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		l.mu.Lock()
		if err != nil {
			return err
		}
	}
	t.holders[s] = m
	return nil
}

// blockers are the sessions that a request waits for: those whose lock
// conflicts, and those that asked earlier, unless the session has a lock
// already that it only strengthens.
func (t *tableLock) blockers(r *request) []*session {
	var blockers []*session
	for s, m := range t.holders {
		if s != r.by && conflict(m, r.mode) {
			blockers = append(blockers, s)
		}
	}
	if t.holders[r.by] != 0 {
		return blockers
	}
	for _, q := range t.queue {
		if q == r {
			break
		}
		if q.by != r.by && conflict(q.mode, r.mode) {
			blockers = append(blockers, q.by)
		}
	}
	return blockers
}

// deadlock reports whether a session waits, through others, for itself.
func (l *locks) deadlock(s *session) bool {
	seen := map[*session]bool{}
	var reaches func(*session) bool
	reaches = func(from *session) bool {
		for _, t := range l.tables {
			for _, r := range t.queue {
				if r.by != from {
					continue
				}
				for _, b := range t.blockers(r) {
					if b == s {
						return true
					}
					if !seen[b] {
						seen[b] = true
						if reaches(b) {
							return true
						}
					}
				}
			}
		}
		return false
	}
	return reaches(s)
}

// release frees all locks of a session.
func (l *locks) release(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, t := range l.tables {
		delete(t.holders, s)
		if len(t.holders) == 0 && len(t.queue) == 0 {
			delete(l.tables, name)
		}
	}
	l.wake()
}

// wake lets all waiters look again.
func (l *locks) wake() {
	close(l.change)
	l.change = make(chan struct{})
}
