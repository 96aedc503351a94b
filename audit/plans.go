package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
)

// What is held at once: plans whose manifests and files are then looked up
// together.
const (
	chunkPlans = 1000
	chunkFiles = 20_000
)

// chunk is what plans that follow each other made. It is bounded, whatever the
// length of the history.
type chunk struct {
	first, last uint64 // plans
	plans       int
	lost        [][2]uint64 // plans that are missing, first and last
	manifests   []made
	files       []file
	instead     []file // of manifests that are not as their amended plan says
}

// override takes the files that a manifest says for those that its plan says.
func (c *chunk) override(m *made, files []manifest.File) {
	m.overridden = true
	for _, f := range files {
		if _, hour, err := archive.ParseKey(f.Key); err == nil {
			c.instead = append(c.instead, file{key: f.Key, of: m.of, hour: hour, plan: m.plan, size: f.Size, rows: f.Rows, crc32c: f.CRC32C})
		}
	}
}

// all are the files that must be there.
func (c *chunk) all() []file {
	all := slices.Clone(c.instead)
	for i := range c.manifests {
		if m := &c.manifests[i]; !m.overridden {
			all = append(all, c.files[m.first:m.first+m.files]...)
		}
	}
	return all
}

// made is a manifest that a plan made.
type made struct {
	key     string
	of      ikada.LogType
	plan    uint64
	created int64
	rows    int64
	cuts    []Gap // what amendments left out
	// overridden: the files are others.
	overridden bool
	first      int // of the chunk's files
	files      int
}

// file is an archive file that a plan made.
type file struct {
	key    string
	of     ikada.LogType
	hour   ikada.Hour
	plan   uint64
	size   int64
	rows   int64
	crc32c uint32 // in a deep audit
}

// plans walks the executed plans from the newest down, and settles chunk by
// chunk what they made.
func (a *audit) plans(ctx context.Context) error {
	w := &walk{audit: a, above: a.newest.After}
	var some []plan.Entry
	for e, err := range plan.List(ctx, a.Buffer, a.report.LastPlan) {
		if err != nil {
			return err
		}
		if some = append(some, e); len(some) < a.opts.Parallel {
			continue
		}
		if err := w.take(ctx, some); err != nil {
			return err
		}
		if some = some[:0]; w.ended {
			break
		}
	}
	if !w.ended {
		if err := w.take(ctx, some); err != nil {
			return err
		}
	}
	if first := w.lowest(a.report.LastPlan); !w.ended && first > 1 {
		w.before(first)
	}
	if a.uncounted > 0 {
		a.note(Gap{
			Kind: DroppedUncounted, Rows: 0, Detail: fmt.Sprintf("%d bundles were routed by an older version, whose plans do not tell how many duplicates were dropped", a.uncounted),
			Remedy: "nothing: neither received nor duplicates dropped has them",
		})
	}
	return a.settle(ctx, &w.chunk)
}

// walk is a way through the plans.
type walk struct {
	*audit
	chunk  chunk
	number uint64 // the plan that was looked at last; 0: none
	above  []plan.Mark
	begins bool // the plan that was looked at last has nothing before it
	ended  bool // at plans of before Options.Since
}

// before looks at what is before the first plan that is there.
func (w *walk) before(first uint64) {
	if !w.begins {
		w.missing(1, first-1)
		return
	}
	w.note(Gap{
		Kind: PlanMissing, Plan: 1, Detail: fmt.Sprintf("the buffer bucket is a new one, whose plans begin with %d: what earlier ones archived and loaded is not in this audit", first),
		Remedy: "nothing, if the old one is lost; else restore its plans",
	})
}

func (w *walk) lowest(newest uint64) uint64 {
	if w.number == 0 {
		return newest + 1
	}
	return w.number
}

// read is a plan as made and as amended.
type read struct {
	made, amended *plan.Plan
	amendments    []*plan.Amendment
	lost          bool // it is not there, or damaged
}

// take reads plans side by side and looks at them one after the other.
func (w *walk) take(ctx context.Context, entries []plan.Entry) error {
	plans := make([]read, len(entries))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(w.opts.Parallel)
	for i, e := range entries {
		group.Go(func() (err error) {
			plans[i], err = w.read(groupCtx, e)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, e := range entries {
		if err := w.look(ctx, e.Number, &plans[i]); err != nil || w.ended {
			return err
		}
		plans[i] = read{} // lets go of its memory
	}
	return nil
}

// read reads one plan and its amendments.
func (w *walk) read(ctx context.Context, e plan.Entry) (read, error) {
	p, err := plan.Read(ctx, w.Buffer, e.Number)
	if errors.Is(err, ikada.ErrNotFound) || errors.Is(err, ikada.ErrCorrupt) {
		return read{lost: true}, nil
	}
	if err != nil {
		return read{}, err
	}
	r := read{made: p, amended: p}
	if e.Amendments == 0 {
		return r, nil
	}
	if r.amendments, err = plan.Amendments(ctx, w.Buffer, e.Number); err != nil {
		return read{}, err
	}
	r.amended, err = p.Amend(r.amendments)
	return r, err
}

// look counts one plan.
func (w *walk) look(ctx context.Context, n uint64, r *read) error {
	if expected := w.lowest(w.report.LastPlan) - 1; n < expected {
		w.missing(n+1, expected)
	}
	w.number = n
	if r.lost {
		w.missing(n, n)
		return nil
	}
	p := r.made
	if !w.opts.Since.IsZero() && p.Created < w.opts.Since.UnixNano() {
		w.ended = true
		return nil
	}
	w.report.Plans++
	w.report.FirstPlan = n
	if w.above != nil {
		w.continues(p)
	}
	w.above, w.begins = p.Before, len(p.Before) == 0
	w.inputs(p)
	w.outputs(r)
	if c := &w.chunk; c.plans >= chunkPlans || len(c.files) >= chunkFiles {
		if err := w.settle(ctx, c); err != nil {
			return err
		}
		*c = chunk{}
	}
	return nil
}

// continues checks that the plan above began where this one ended.
func (w *walk) continues(p *plan.Plan) {
	for _, m := range w.above {
		if has := p.Ordinal(m.Lane); has != m.Ordinal {
			w.jump(m.Lane, has, m.Ordinal+1, p.Number, "behind")
		}
	}
	for _, m := range p.After {
		if !slices.ContainsFunc(w.above, func(above plan.Mark) bool { return above.Lane == m.Lane }) {
			w.jump(m.Lane, m.Ordinal, 1, p.Number, "behind")
		}
	}
}

// missing reports plans that are not there or cannot be read.
func (w *walk) missing(first, last uint64) {
	w.above, w.begins = nil, false // nobody knows where they ended
	w.chunk.lost = append(w.chunk.lost, [2]uint64{first, last})
	w.plansMissing(first, last)
}

func (a *audit) plansMissing(first, last uint64) {
	a.gap(Gap{
		Kind: PlanMissing, Plan: first, RowsUnknown: true,
		Detail: fmt.Sprintf("plans %d to %d are missing or damaged, so nobody can tell what they archived", first, last),
		Remedy: fmt.Sprintf("restore them from a backup (%s)", plan.Key(first)),
	})
}

// cuts tells what amendments left out of each of a plan's manifests.
func (a *audit) cuts(p *plan.Plan, amendments []*plan.Amendment) map[int][]Gap {
	lost := make(map[int][]Gap)
	for _, am := range amendments {
		for _, c := range am.Cuts {
			o := &p.Outputs[c.Output]
			s := &o.Segments[c.Segment]
			in := &p.Inputs[s.Input]
			m := &p.Manifests[o.Manifest]
			a.of(m.Type).Received += s.Rows
			gaps := lost[o.Manifest]
			if n := len(gaps); n > 0 && gaps[n-1].Lane == in.Lane.String() && gaps[n-1].FirstOrdinal == in.Ordinal {
				gaps[n-1].Rows += s.Rows // of the same bundle
				continue
			}
			lost[o.Manifest] = append(gaps, Gap{
				Kind: PlanAmended, Type: m.Type, Lane: in.Lane.String(), FirstOrdinal: in.Ordinal, LastOrdinal: in.Ordinal,
				Plan: p.Number, Manifest: m.Key, Rows: s.Rows,
				Detail: fmt.Sprintf("amendment %d of plan %d left out what bundle %s held: %s", am.Number, p.Number, in.Key(), c.Reason),
				Remedy: fmt.Sprintf("the rows are lost unless a copy of the bundle is found (a damaged one is kept below damaged/ in the buffer bucket); `ikada route --explain %d` tells more", p.Number),
			})
		}
	}
	return lost
}

// outputs notes the files and manifests that a plan made.
func (w *walk) outputs(r *read) {
	p, c := r.amended, &w.chunk
	if c.plans == 0 {
		c.last = p.Number
	}
	c.first = p.Number
	c.plans++
	begin, cuts := len(c.manifests), w.cuts(r.made, r.amendments)
	for i := range p.Manifests {
		m := &p.Manifests[i]
		c.manifests = append(c.manifests, made{key: m.Key, of: m.Type, plan: p.Number, created: p.Created, cuts: cuts[i]})
	}
	for i := range p.Outputs { // ordered by manifest
		o := &p.Outputs[i]
		if len(o.Segments) == 0 {
			continue
		}
		m := &c.manifests[begin+o.Manifest]
		f := file{key: o.Key, of: m.of, hour: o.Hour, plan: p.Number}
		f.rows, _, f.size = o.Totals()
		if w.opts.Deep {
			f.crc32c = checksum(o)
		}
		if m.files == 0 {
			m.first = len(c.files)
		}
		m.rows += f.rows
		m.files++
		w.of(m.of).Received += f.rows
		w.of(m.of).Archived += f.rows
		w.report.Files++
		c.files = append(c.files, f)
	}
}

// checksum is the CRC-32C that an archive file must have.
func checksum(o *plan.Output) uint32 {
	var m bundle.Member
	for i := range o.Segments {
		m.Add(o.Segments[i].Extent, nil)
	}
	return m.CRC32C()
}
