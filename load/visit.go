package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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
		if !errors.As(err, new(*jobError)) {
			b.failures++
			next = time.Now().Add(pause(l.opts.Backoff, b.failures))
		}
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
	b.forget()
	var failed error            // of this visit's loads
	var tried pick              // the classes that failed
	longest := time.Duration(0) // of the loads of this visit
	for {
		if deadline, ok := ctx.Deadline(); ok && longest > 0 && time.Until(deadline) < 2*longest {
			return time.Now(), failed // better not begun than cut off
		}
		may := pick{true, true}
		if !force {
			may = b.ready(time.Now())
		}
		for c := range may {
			may[c] = may[c] && !tried[c]
		}
		if err := l.readAhead(ctx, b, l.opts.MaxManifests, may); err != nil {
			return time.Time{}, errors.Join(failed, err)
		}
		b.failures = 0
		class, ok := b.firstOf(may)
		if len(b.queue) == 0 { // what an error left
			l.note(ctx, b, nil)
			l.noteFailure(ctx, b, nil)
		}
		if !ok {
			return b.retryAt(), failed // zero if nothing waits
		}
		if at := l.dueAt(b, may); !force && at.After(time.Now()) {
			return earlier(at, cmp.Or(b.retryAt(), at)), failed
		}
		begin := time.Now()
		if err := l.load(ctx, b, class); err != nil {
			if ctx.Err() != nil {
				return time.Time{}, err
			}
			tried[class] = true
			l.classFailed(b, class, err)
			failed = &jobError{errors.Join(failed, err)}
			continue // the other class
		}
		longest = max(longest, time.Since(begin))
		l.publish(b, time.Time{}, nil)
		if !force {
			return time.Now(), failed // other log types first
		}
	}
}

// dueAt returns when the manifests of some classes are to be loaded, of which
// one waits at least.
func (l *Loader) dueAt(b *backlog, of pick) time.Time {
	n, bytes, oldest := 0, int64(0), time.Time{}
	for _, w := range b.queue[:b.read] {
		if !of[w.class] {
			continue
		}
		if n == 0 {
			// A plan that was made by a clock ahead of ours is as old as we know it.
			oldest = earlier(time.Unix(0, w.Ikada.Created), w.seen)
		}
		n++
		bytes += w.Ikada.Raw
	}
	if n >= l.opts.MaxManifests || bytes >= l.opts.LoadBytes {
		return time.Time{}
	}
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
	jobs := b.trouble() // not settled yet by a load
	switch {
	case err != nil:
		s.Error, s.RetryAt = err.Error(), retry
	case jobs != nil:
		s.Error, s.RetryAt = jobs.Error(), b.retryAt()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b.paused = time.Time{}
	if err != nil && !errors.As(err, new(*jobError)) {
		b.paused = retry
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

// load gives the warehouse the first manifests of a class as one job.
func (l *Loader) load(ctx context.Context, b *backlog, class ikada.Class) error {
	places := l.cut(b, class)
	n := len(places)
	members := make([]waiting, n)
	for i, at := range places {
		members[i] = b.queue[at]
	}
	begin := time.Now()
	job, result, err := l.loadJob(ctx, b, members, b.queue[:places[n-1]+1])
	if err != nil {
		// Fewer the next time: so what is good before a bad file gets in, and
		// the error names no more than it must.
		b.class[class].limit = max(n/2, 1)
		// Nothing but numbers differs in the errors of one cause: no plurals.
		return fmt.Errorf("load %s, %s manifests of plans %d to %d: %w",
			b.logType, class, members[0].plan, members[n-1].plan, err)
	}
	done := Loaded{
		Type: job.Type, Class: job.Class, Manifests: n, Direct: job.Direct, Result: result,
		At: time.Now(), Took: time.Since(begin), OldestArrival: arrival(members),
	}
	for _, m := range job.Manifests {
		done.Bytes += m.Bytes
	}
	b.dropAll(places)
	b.class[class] = classState{}
	l.opts.Stats.Done(done.At, result.Rows, done.Bytes, done.Took)
	if result.Quarantined > 0 {
		l.opts.Stats.Update(func(s *ikada.Snapshot) { s.Quarantined += result.Quarantined })
		l.opts.Log.Warn("rows could not be loaded and are in the quarantine", "type", job.Type, "rows", result.Quarantined, "loaded", result.Rows)
	}
	l.opts.OnLoaded(done)
	return nil
}

// cut returns the places of the manifests that make a class's next job: the
// first that were read, within bounds, and at least one.
func (l *Loader) cut(b *backlog, class ikada.Class) (places []int) {
	most, bytes := l.opts.MaxManifests, int64(0)
	if limit := b.class[class].limit; limit > 0 {
		most = min(most, limit)
	}
	for i, w := range b.queue[:b.read] {
		if w.class != class {
			continue
		}
		bytes += w.Ikada.Raw
		if len(places) == most || len(places) > 0 && bytes > l.opts.MaxBytes {
			break
		}
		places = append(places, i)
	}
	return places
}

// loadJob makes the table fit all manifests up to the last member, whatever
// their class, and then loads the members.
func (l *Loader) loadJob(ctx context.Context, b *backlog, members, all []waiting) (warehouse.Job, warehouse.Result, error) {
	t := b.logType
	job := warehouse.Job{Type: t, Class: members[0].class}
	for _, w := range members {
		m, err := l.member(ctx, w)
		if err != nil {
			return job, warehouse.Result{}, err
		}
		job.Manifests = append(job.Manifests, m)
	}
	table, err := l.warehouse.Table(ctx, t)
	exists := err == nil
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		return job, warehouse.Result{}, fmt.Errorf("describe the table: %w", err)
	}
	table.Declared = l.opts.Declared(t)
	var add []warehouse.Column
	var found []drifted
	add, job.Direct, found = fold(table, exists, all, members)
	job.Direct = job.Direct && job.Class == ikada.Plain
	l.note(ctx, b, found)
	if !job.Direct && job.Class == ikada.Plain {
		sift(&job, warehouse.Grow(table.Columns, add), members)
	}
	for _, w := range members {
		job.BigInts = job.BigInts || slices.ContainsFunc(w.Ikada.Fields, func(f ikada.Field) bool { return f.Kinds.Has(ikada.KindBigInt) })
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

// fold decides the columns to add or widen, manifest by manifest, as if each were loaded
// alone, and then whether the members may go directly into the table there is
// at the end. The first manifest of a log type is no drift.
func fold(table warehouse.Table, exists bool, all, members []waiting) (add []warehouse.Column, direct bool, found []drifted) {
	had := table.Columns
	for i, w := range all {
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
