package plan

import (
	"context"
	"errors"
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
)

// Amendment takes segments that cannot be had any more out of a plan. It is
// created if absent, so that whoever executes the plan leaves out the same.
// Amendments of a plan are numbered from 1 and add up.
type Amendment struct {
	Plan    uint64
	Number  int
	Created int64 // nanoseconds since the Unix epoch
	Cuts    []Cut
}

// Cut is one segment of an output that is left out, and why.
type Cut struct {
	Output, Segment int // indexes in the plan as it was made
	Reason          string
}

// Encode writes an amendment; the same amendment gives the same bytes.
func (a *Amendment) Encode() ([]byte, error) {
	w := wireAmendment{Plan: a.Plan, Number: a.Number, Made: a.Created, Cuts: make([]wireCut, len(a.Cuts))}
	for i, c := range a.Cuts {
		w.Cuts[i] = wireCut{uint32(c.Output), uint32(c.Segment), c.Reason}
	}
	data, err := w.MarshalMsg(start(amendMagic))
	if err != nil {
		return nil, fmt.Errorf("encode amendment %d of plan %d: %w", a.Number, a.Plan, err)
	}
	return finish(data), nil
}

// DecodeAmendment reads an amendment.
func DecodeAmendment(data []byte) (*Amendment, error) {
	body, err := open(amendMagic, data)
	if err != nil {
		return nil, fmt.Errorf("decode amendment: %w", err)
	}
	var w wireAmendment
	rest, err := w.UnmarshalMsg(body)
	if err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("decode amendment: %d bytes left: %w: %w", len(rest), ikada.ErrCorrupt, err)
	}
	a := &Amendment{Plan: w.Plan, Number: w.Number, Created: w.Made}
	for _, c := range w.Cuts {
		a.Cuts = append(a.Cuts, Cut{int(c.Output), int(c.Segment), c.Reason})
	}
	return a, nil
}

// Amendments reads the amendments of plan n, in order.
func Amendments(ctx context.Context, b bucket.Bucket, n uint64) ([]*Amendment, error) {
	var all []*Amendment
	for k := 1; ; k++ {
		data, err := b.Get(ctx, AmendKey(n, k), 0, -1, nil)
		if errors.Is(err, ikada.ErrNotFound) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read amendment %d of plan %d: %w", k, n, err)
		}
		a, err := DecodeAmendment(data)
		if err != nil {
			return nil, fmt.Errorf("read amendment %d of plan %d: %w", k, n, err)
		}
		if a.Plan != n || a.Number != k {
			return nil, fmt.Errorf("read amendment %d of plan %d: it says that it is %d of %d: %w", k, n, a.Number, a.Plan, ikada.ErrCorrupt)
		}
		all = append(all, a)
	}
}

// Amend returns the plan without what the amendments cut. Outputs keep their
// places in the list, so that amendments of the plan as it was made still
// apply; one with nothing left has no segments and makes no file. An output
// that lost something has another key, so that two executors of which one
// could still read everything never write different bytes under one key.
func (p *Plan) Amend(amendments []*Amendment) (*Plan, error) {
	cuts := make(map[[2]int]bool)
	last := make(map[int]int) // output: number of the last amendment that cut it
	for _, a := range amendments {
		for _, c := range a.Cuts {
			if c.Output < 0 || c.Output >= len(p.Outputs) || c.Segment < 0 || c.Segment >= len(p.Outputs[c.Output].Segments) {
				return nil, fmt.Errorf("amendment %d of plan %d cuts what is not there: %w", a.Number, a.Plan, ikada.ErrCorrupt)
			}
			cuts[[2]int{c.Output, c.Segment}] = true
			last[c.Output] = a.Number
		}
	}
	amended := *p
	amended.Outputs = make([]Output, len(p.Outputs))
	for i, o := range p.Outputs {
		if last[i] > 0 {
			kept := make([]Segment, 0, len(o.Segments))
			for j, s := range o.Segments {
				if !cuts[[2]int{i, j}] {
					kept = append(kept, s)
				}
			}
			o.Segments, o.Key = kept, amendedKey(o.Key, last[i])
		}
		amended.Outputs[i] = o
	}
	return &amended, nil
}
