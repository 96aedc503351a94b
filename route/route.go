// Package route is the stage between bundles and the archive. It decides, in
// numbered plans, which segments of the waiting bundles go into which archive
// files and manifests, and carries the plans out. It reads indexes, not logs:
// segments are copied as they were compressed.
//
// Writing a plan (created if absent) is the decision. Executing it comes to
// the same bytes whoever does it and however often, so a router may die at any
// moment and any number of them may run at once: the next one executes the
// newest plan again, if it is not marked as done, and then makes the next.
package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
)

// Options adjust a Router. The zero value is usable.
type Options struct {
	// Interval is the time between runs that nobody wakes; twice that where
	// much flows. Default 1 s.
	Interval time.Duration
	// FileSize is where an archive file is full, in compressed bytes. Default 128 MiB.
	FileSize int64
	// MaxBytes bounds the bundles of a plan, which are in memory together, in
	// compressed bytes; a larger bundle gets a plan of its own. Default 64 MiB.
	MaxBytes int64
	// MaxSegments bounds the segments of a plan. Default 200,000.
	MaxSegments int
	// Parallel is the number of requests to a bucket at once. Default 4.
	Parallel int
	// Window is how long bundles are kept after their last arrival, so that
	// buffers can tell resent chunks. Default 1 h.
	Window time.Duration
	// ByDay reports whether a log type's archive is partitioned by day. Default: by hour.
	ByDay func(ikada.LogType) bool
	// OnDone is called after each plan that was executed.
	OnDone func(*plan.Plan)
	// Log gets what needs attention, and each plan at level debug. Default: nowhere.
	Log *slog.Logger
	// Stats is where the stage counts. Default: nowhere.
	Stats *ikada.Stats
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// maxFileRaw bounds an archive file in uncompressed bytes.
const maxFileRaw = 2 << 30

// Router routes the bundles of all lanes of a buffer bucket.
type Router struct {
	buffer, archive, manifests bucket.Bucket
	opts                       Options
	wake                       chan struct{}

	mu      sync.Mutex // held by Once and Clean
	last    *plan.Plan // the newest plan that was read or made
	bundles bundles    // of the plan in hand
	begin   *plan.Plan // what stands before the first plan; nil until it was looked for
	left    int64      // bytes that waited and for which the newest plan had no room
}

// New returns a router from the buffer bucket to the archive and manifest buckets.
func New(buffer, archive, manifests bucket.Bucket, opts Options) *Router {
	opts.Interval = cmp.Or(opts.Interval, time.Second)
	opts.FileSize = cmp.Or(opts.FileSize, 128<<20)
	opts.MaxBytes = cmp.Or(opts.MaxBytes, 64<<20)
	opts.MaxSegments = cmp.Or(opts.MaxSegments, 200_000)
	opts.Parallel = cmp.Or(opts.Parallel, 4)
	opts.Window = cmp.Or(opts.Window, time.Hour)
	opts.Log = cmp.Or(opts.Log, slog.New(slog.DiscardHandler))
	opts.Stats = cmp.Or(opts.Stats, new(ikada.Stats))
	if opts.OnDone == nil {
		opts.OnDone = func(*plan.Plan) {}
	}
	if opts.ByDay == nil {
		opts.ByDay = func(ikada.LogType) bool { return false }
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Router{
		buffer: buffer, archive: archive, manifests: manifests, opts: opts,
		wake: make(chan struct{}, 1), last: new(plan.Plan),
		bundles: bundles{from: buffer, parallel: opts.Parallel},
	}
}

// Wake starts the next run early. It never waits.
func (r *Router) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run routes until ctx ends. Errors are logged, counted and tried again.
func (r *Router) Run(ctx context.Context) error {
	const maxWait = 30 * time.Second
	wait := time.Duration(0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var cleaned time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		}
		plans, err := r.run(ctx)
		if now := r.opts.Now(); err == nil && now.Sub(cleaned) >= r.opts.Window/20 {
			cleaned = now
			_, err = r.Clean(ctx)
		}
		switch {
		case err == nil:
			wait = r.pace(plans)
		case ctx.Err() != nil:
			return nil
		default:
			wait = min(2*max(wait, r.opts.Interval), max(maxWait, r.opts.Interval))
			r.trouble(fmt.Errorf("route (next try in %v): %w", wait, err))
		}
		timer.Reset(wait)
	}
}

// run makes and executes plans as long as a full one waits. What has come since
// waits for the next run: a plan costs a file for each log type and hour, however
// little there is for it.
func (r *Router) run(ctx context.Context) (plans int, err error) {
	return r.plan(ctx, func() bool { return r.left >= r.opts.MaxBytes })
}

// pace returns how long to wait after a run that worked: twice the interval
// where much flows, for half as many files, each twice as large.
func (r *Router) pace(plans int) time.Duration {
	if plans == 0 {
		return r.opts.Interval
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, _, stored := r.last.Totals(); stored < r.opts.MaxBytes/8 {
		return r.opts.Interval
	}
	return 2 * r.opts.Interval
}

// trouble logs and counts an error that the stage survives.
func (r *Router) trouble(err error) {
	r.opts.Log.Error(err.Error())
	r.opts.Stats.Failed(r.opts.Now(), err)
}

// Once makes and executes plans until no bundle waits, or until ctx has too
// little time left for another plan. It returns how many it executed.
func (r *Router) Once(ctx context.Context) (plans int, err error) {
	return r.plan(ctx, func() bool { return true })
}

// plan makes and executes plans until no bundle waits, or another one is not
// wanted. It returns how many it executed.
func (r *Router) plan(ctx context.Context, another func() bool) (plans int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	longest := time.Duration(0)
	for {
		if deadline, ok := ctx.Deadline(); ok && plans > 0 && time.Until(deadline) < 2*longest {
			return plans, nil
		}
		start := time.Now()
		p, resumed, err := r.next(ctx)
		if err != nil || p == nil {
			return plans, err
		}
		if err := r.execute(ctx, p, resumed); err != nil {
			return plans, fmt.Errorf("execute plan %d: %w", p.Number, err)
		}
		plans++
		took := time.Since(start)
		longest = max(longest, took)
		rows, raw, stored := p.Totals()
		r.opts.Stats.Done(r.opts.Now(), rows, raw, took)
		r.opts.Log.Debug("routed", "plan", p.Number, "resumed", resumed, "bundles", len(p.Inputs),
			"files", len(p.Outputs), "rows", rows, "raw", raw, "stored", stored, "took", took)
		r.opts.OnDone(p)
		if !another() {
			return plans, nil
		}
	}
}

// next returns the plan to execute: the newest one if it is not done, else a
// new one; nil if no bundle waits.
func (r *Router) next(ctx context.Context) (p *plan.Plan, resumed bool, err error) {
	for {
		n, done, err := plan.Newest(ctx, r.buffer)
		if err != nil {
			return nil, false, err
		}
		last, err := r.read(ctx, n)
		if err != nil || !done {
			return last, true, err
		}
		if last == nil {
			continue // another router made the first plan meanwhile
		}
		p, err := r.propose(ctx, last)
		if err != nil || p == nil {
			return nil, false, err
		}
		data, err := p.Encode()
		if err != nil {
			return nil, false, err
		}
		err = r.buffer.Create(ctx, plan.Key(p.Number), data)
		if errors.Is(err, ikada.ErrExists) {
			continue // another router decided: look again
		}
		if err != nil {
			return nil, false, fmt.Errorf("create plan %d: %w", p.Number, err)
		}
		r.last = p
		r.tellExcluded(p)
		return p, false, nil
	}
}

// read returns plan n, or the plan before the first.
func (r *Router) read(ctx context.Context, n uint64) (*plan.Plan, error) {
	if n == 0 {
		return r.beginning(ctx)
	}
	if r.last.Number != n {
		p, err := plan.Read(ctx, r.buffer, n)
		if err != nil {
			return nil, err
		}
		r.last = p
	}
	return r.last, nil
}

// beginning returns the plan before the first. Where manifests of earlier plans
// are left, whose buffer bucket is lost, numbers go on behind them: a number
// that is used again would take their archive files for its own. The one
// behind the newest manifest may have begun, too. It returns nil if there is a
// plan by now: the manifest may be one of that plan.
func (r *Router) beginning(ctx context.Context) (*plan.Plan, error) {
	if r.begin != nil {
		return r.begin, nil
	}
	n, err := manifest.Newest(ctx, r.manifests)
	if err != nil {
		return nil, fmt.Errorf("look for manifests of earlier plans: %w", err)
	}
	if first, _, err := plan.Newest(ctx, r.buffer); err != nil || first > 0 {
		return nil, err
	}
	r.begin = new(plan.Plan)
	if n > 0 {
		r.begin.Number = n + 1
		r.opts.Log.Warn("the buffer bucket has no plans but there are manifests: it is a new one, and plans are numbered on", "from", n+2)
	}
	return r.begin, nil
}
