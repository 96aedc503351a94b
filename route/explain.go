package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/plan"
)

// Explain writes what plan n decided and why, for people to read.
func (r *Router) Explain(ctx context.Context, n uint64, w io.Writer) error {
	made, err := plan.Read(ctx, r.buffer, n)
	if errors.Is(err, ikada.ErrNotFound) {
		return r.noPlan(ctx, n)
	}
	if err != nil {
		return err
	}
	done, err := plan.Done(ctx, r.buffer, n)
	if err != nil {
		return err
	}
	amendments, err := plan.Amendments(ctx, r.buffer, n)
	if err != nil {
		return err
	}
	p, err := made.Amend(amendments)
	if err != nil {
		return err
	}
	out := new(text)
	state := "not done: the next run executes it"
	if done {
		state = "done"
	}
	rows, raw, stored := p.Totals()
	out.add("plan %d, made %s, %s\n", n, when(p.Created), state)
	out.add("%s, %d bytes of log, %d bytes stored, oldest arrival %s\n", many(rows, "row"), raw, stored, when(oldest(p)))
	explainInputs(out, p)
	explainOutputs(out, p)
	for _, a := range amendments {
		out.add("\namendment %d, made %s, leaves out what could not be read any more:\n", a.Number, when(a.Created))
		for _, c := range a.Cuts {
			o := &made.Outputs[c.Output]
			s := &o.Segments[c.Segment]
			out.add("  %s of %s: bundle %s at %d, %d bytes: %s\n", many(s.Rows, "row"), o.Key, made.Inputs[s.Input].Key(), s.Offset, s.Length, c.Reason)
		}
	}
	if _, err := w.Write(out.bytes); err != nil {
		return fmt.Errorf("explain plan %d: %w", n, err)
	}
	return nil
}

// noPlan is the error of a plan that is not there: it says which are.
func (r *Router) noPlan(ctx context.Context, n uint64) error {
	newest, _, err := plan.Newest(ctx, r.buffer)
	switch {
	case err != nil:
		return err
	case newest == 0:
		return fmt.Errorf("plan %d: %w: nothing was routed yet", n, ikada.ErrNotFound)
	case n > newest:
		return fmt.Errorf("plan %d: %w: the newest is %d", n, ikada.ErrNotFound, newest)
	}
	return fmt.Errorf("plan %d: %w, though the newest is %d: it was deleted, or the first plan of this bucket has a later number", n, ikada.ErrNotFound, newest)
}

// text grows by what is added to it.
type text struct{ bytes []byte }

func (t *text) add(format string, args ...any) { t.bytes = fmt.Appendf(t.bytes, format, args...) }

func explainInputs(out *text, p *plan.Plan) {
	before := make(map[string]uint64)
	for _, m := range p.Before {
		before[m.Lane.String()] = m.Ordinal
	}
	out.add("\nlanes, routed from and to these bundles:\n")
	for _, m := range p.After {
		if from := before[m.Lane.String()]; from != m.Ordinal {
			out.add("  %s: %d to %d\n", m.Lane, from+1, m.Ordinal)
		}
	}
	out.add("\n%s:\n", many(int64(len(p.Inputs)), "bundle"))
	for i := range p.Inputs {
		in := &p.Inputs[i]
		out.add("  %s  %d bytes", in.Key(), in.Size)
		if in.Excluded != "" {
			out.add("  EXCLUDED: %s", in.Excluded)
		}
		out.add("\n")
	}
}

func explainOutputs(out *text, p *plan.Plan) {
	for m := range p.Manifests {
		out.add("\nmanifest %s: log type %q, %s rows, %s\n", p.Manifests[m].Key, p.Manifests[m].Type, p.Manifests[m].Class, many(int64(len(p.Manifests[m].Fields)), "field"))
		for i := range p.Outputs {
			o := &p.Outputs[i]
			if o.Manifest != m {
				continue
			}
			rows, raw, stored := o.Totals()
			if len(o.Segments) == 0 {
				out.add("  %s: not written, amendments took all of it\n", o.Key)
				continue
			}
			out.add("  %s: %s, %d bytes of log, %d stored, from %s\n", o.Key, many(rows, "row"), raw, stored, many(int64(len(o.Segments)), "segment"))
		}
	}
}

func many(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func oldest(p *plan.Plan) int64 {
	outputs := make([]*plan.Output, len(p.Outputs))
	for i := range p.Outputs {
		outputs[i] = &p.Outputs[i]
	}
	return p.OldestArrival(outputs...)
}

func when(nanos int64) string {
	if nanos == 0 {
		return "unknown"
	}
	return time.Unix(0, nanos).UTC().Format(time.RFC3339)
}
