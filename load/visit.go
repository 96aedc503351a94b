package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// visit looks at a log type and loads what is due, once, or with force all that
// waits. It returns when the next visit is due, or zero if nothing waits.
func (l *Loader) visit(ctx context.Context, b *backlog, done uint64, force bool) (time.Time, error) {
	select {
	case b.visiting <- struct{}{}:
		defer func() { <-b.visiting }()
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("load %s: %w", b.folder, ctx.Err())
	}
	next, err := l.look(ctx, b, done, force)
	if err != nil {
		b.ask = true // the ledger tells what became of it
		if ctx.Err() != nil {
			return time.Time{}, err
		}
		l.noteFailure(ctx, b, err)
		b.failures++
		next = time.Now().Add(pause(l.opts.Backoff, b.failures))
	}
	l.publish(b, next, err)
	return next, err
}

func (l *Loader) look(ctx context.Context, b *backlog, done uint64, force bool) (time.Time, error) {
	if err := l.refresh(ctx, b, done); err != nil {
		return time.Time{}, err
	}
	if err := l.settle(ctx, b); err != nil {
		return time.Time{}, err
	}
	longest := time.Duration(0) // of the loads of this visit
	for {
		if deadline, ok := ctx.Deadline(); ok && longest > 0 && time.Until(deadline) < 2*longest {
			return time.Now(), nil // better not begun than cut off
		}
		if err := l.readAhead(ctx, b, l.opts.MaxManifests); err != nil {
			return time.Time{}, err
		}
		if len(b.queue) == 0 {
			b.failures = 0
			l.note(ctx, b, nil) // what an error left
			l.noteFailure(ctx, b, nil)
			return time.Time{}, nil
		}
		if at := l.dueAt(b); !force && at.After(time.Now()) {
			return at, nil
		}
		begin := time.Now()
		if err := l.load(ctx, b); err != nil {
			return time.Time{}, err
		}
		longest = max(longest, time.Since(begin))
		l.publish(b, time.Time{}, nil)
		if !force {
			return time.Now(), nil // other log types first
		}
	}
}

// dueAt returns when the log type is to be loaded.
func (l *Loader) dueAt(b *backlog) time.Time {
	if b.read >= l.opts.MaxManifests || b.bytes() >= l.opts.LoadBytes {
		return time.Time{}
	}
	// A plan that was made by a clock ahead of ours is as old as we know it.
	oldest := earlier(time.Unix(0, b.queue[0].Ikada.Created), b.queue[0].seen)
	return oldest.Add(l.opts.LoadAge)
}

// publish shows what waits.
func (l *Loader) publish(b *backlog, retry time.Time, err error) {
	s := Backlog{Type: b.logType, Manifests: len(b.queue), Bytes: b.bytes()}
	if s.Type == "" {
		s.Type = ikada.LogType(b.folder)
	}
	if b.read > 0 {
		s.Bytes += s.Bytes / int64(b.read) * int64(len(b.queue)-b.read)
		s.OldestArrival = arrival(b.queue[:b.read])
	}
	if err != nil {
		s.Error, s.RetryAt = err.Error(), retry
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && b.failures > 0 { // not settled yet by a load
		s.Error = b.status.Error
	}
	b.status = s
}

// arrival returns when the oldest row reached Ikada, zero if nobody knows.
func arrival(some []waiting) (oldest time.Time) {
	for _, w := range some {
		if w.Ikada.OldestArrival == 0 {
			continue
		}
		if at := time.Unix(0, w.Ikada.OldestArrival); oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// load gives the warehouse the first manifests of the queue as one job.
func (l *Loader) load(ctx context.Context, b *backlog) error {
	n := l.cut(b)
	members := b.queue[:n]
	begin := time.Now()
	job, result, err := l.loadJob(ctx, b, members)
	if err != nil {
		// Fewer the next time: so what is good before a bad file gets in, and
		// the error names no more than it must.
		b.limit = max(n/2, 1)
		return fmt.Errorf("load %s, %d %s manifests of plans %d to %d: %w",
			b.logType, n, members[0].class, members[0].plan, members[n-1].plan, err)
	}
	done := Loaded{
		Type: job.Type, Class: job.Class, Manifests: n, Direct: job.Direct, Result: result,
		At: time.Now(), Took: time.Since(begin), OldestArrival: arrival(members),
	}
	for _, m := range job.Manifests {
		done.Bytes += m.Bytes
	}
	b.drop(n)
	b.limit, b.failures = 0, 0
	l.opts.Stats.Done(done.At, result.Rows, done.Bytes, done.Took)
	l.opts.OnLoaded(done)
	return nil
}

// cut returns how many of the manifests that were read make the next job: of
// one class, within bounds, and at least one.
func (l *Loader) cut(b *backlog) int {
	most := min(b.read, l.opts.MaxManifests)
	if b.limit > 0 {
		most = min(most, b.limit)
	}
	n, bytes := 0, int64(0)
	for n < most {
		w := b.queue[n]
		bytes += w.Ikada.Raw
		if n > 0 && (bytes > l.opts.MaxBytes || w.class != b.queue[0].class) {
			break
		}
		n++
	}
	return n
}

// loadJob makes the table fit the manifests and then loads them.
func (l *Loader) loadJob(ctx context.Context, b *backlog, members []waiting) (warehouse.Job, warehouse.Result, error) {
	t := b.logType
	job := warehouse.Job{Type: t, Class: members[0].class}
	for _, w := range members {
		job.Manifests = append(job.Manifests, member(w))
	}
	table, err := l.warehouse.Table(ctx, t)
	exists := err == nil
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		return job, warehouse.Result{}, fmt.Errorf("describe the table: %w", err)
	}
	table.Declared = l.opts.Declared(t)
	var add []warehouse.Column
	var found []drifted
	add, job.Direct, found = fold(table, exists, members)
	job.Direct = job.Direct && job.Class == ikada.Plain
	l.note(ctx, b, found)
	if !job.Direct && job.Class == ikada.Plain {
		sift(&job, warehouse.Grow(table.Columns, add), members)
	}
	if !exists || len(add) > 0 {
		if err := l.warehouse.Extend(ctx, t, add); err != nil {
			return job, warehouse.Result{}, fmt.Errorf("extend the table: %w", err)
		}
	}
	result, err := l.warehouse.Load(ctx, job)
	if err == nil {
		l.observe(ctx, b, warehouse.Grow(table.Columns, add), members)
	}
	return job, result, err
}

// sift tells what to look at in each manifest of a job that is not direct, so
// that a few rows that drift do not slow the others.
func sift(job *warehouse.Job, columns []warehouse.Column, members []waiting) {
	readable := warehouse.Readable(columns)
	for i, w := range members {
		job.Manifests[i].Misfits = warehouse.Misfits(readable, w.Ikada.Fields)
	}
	job.Sifted = true
}

func member(w waiting) warehouse.Manifest {
	m := warehouse.Manifest{Key: w.key, Plan: w.plan, Rows: w.Ikada.Rows, Bytes: w.Ikada.Raw}
	for _, f := range w.Ikada.Files {
		m.Files = append(m.Files, warehouse.File{Key: f.Key, Size: f.Size, Raw: f.Raw, CRC32C: f.CRC32C, Rows: f.Rows})
	}
	return m
}

// fold decides the columns to add or widen, manifest by manifest, as if each were loaded
// alone, and then whether all of them may go directly into the table there is
// at the end. The first manifest of a log type is no drift.
func fold(table warehouse.Table, exists bool, members []waiting) (add []warehouse.Column, direct bool, found []drifted) {
	had := table.Columns
	for i, w := range members {
		before := table.Columns
		more, fits := warehouse.Resolve(table, exists, w.Ikada.Fields)
		table.Columns = warehouse.Grow(before, more)
		exists = true
		if (i > 0 || table.Rows > 0) && (len(more) > 0 || !fits || someNull(w)) {
			found = append(found, drifts(described(had, before), table.Columns, w)...)
		}
	}
	for i, c := range table.Columns {
		if i >= len(had) || c != had[i] {
			add = append(add, c)
		}
	}
	direct = true
	for _, w := range members {
		_, fits := warehouse.Resolve(table, true, w.Ikada.Fields)
		direct = direct && fits
	}
	return add, direct, found
}
