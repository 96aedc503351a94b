// Package plan is the format of a plan: the numbered, immutable decision of
// one routing run, which segments go into which archive files and manifests.
// Writing a plan is the decision; executing it is deterministic, so anyone may
// do it, any number of times. docs/formats.md describes it for other readers.
package plan

import (
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
)

// Plan is one routing run's decision.
type Plan struct {
	Number  uint64
	Created int64 // nanoseconds since the Unix epoch
	// Before and After are the last routed ordinals of every lane that was
	// ever routed, before this plan and after it.
	Before, After []Mark
	Inputs        []Input    // in the order in which their segments are bound
	Manifests     []Manifest // ordered by log type and class
	Outputs       []Output   // ordered by manifest and hour
}

// Mark is a lane's last routed ordinal.
type Mark struct {
	Lane    ikada.Lane
	Ordinal uint64
}

// Input is a bundle that the plan takes.
type Input struct {
	Lane         ikada.Lane
	Ordinal      uint64
	Size         int64 // bytes
	FirstArrival int64 // nanoseconds since the Unix epoch
	// Excluded says why nothing of the bundle is archived: its index was
	// damaged for good when the plan was made.
	Excluded string
}

// Key returns the bundle's key in the buffer bucket.
func (in *Input) Key() string { return bundle.Key(in.Lane, in.Ordinal) }

// Manifest is a manifest that the plan makes: what its outputs hold together.
type Manifest struct {
	Key    string // in the manifest bucket
	Type   ikada.LogType
	Class  ikada.Class
	Fields []ikada.Field // merged, in the order first seen
}

// Output is an archive file that the plan makes.
type Output struct {
	Key      string     // in the archive bucket
	Manifest int        // index in Manifests
	Hour     ikada.Hour // the first of the file's partition
	Segments []Segment  // in the order in which they are bound
}

// Segment is a piece of an output.
type Segment struct {
	Input int // index in Inputs
	Rows  int64
	bundle.Extent
}

// Ordinal returns the lane's last routed ordinal after the plan, 0 if the lane
// was never routed.
func (p *Plan) Ordinal(lane ikada.Lane) uint64 {
	for _, m := range p.After {
		if m.Lane == lane {
			return m.Ordinal
		}
	}
	return 0
}

// OldestArrival returns when the oldest record of the outputs may have reached
// Ikada, in nanoseconds since the Unix epoch; 0 without any.
func (p *Plan) OldestArrival(outputs ...*Output) int64 {
	oldest := int64(0)
	for _, o := range outputs {
		for i := range o.Segments {
			if at := p.Inputs[o.Segments[i].Input].FirstArrival; oldest == 0 || at < oldest {
				oldest = at
			}
		}
	}
	return oldest
}

// Totals returns the rows and the bytes, raw and as stored, of all outputs.
func (p *Plan) Totals() (rows, raw, stored int64) {
	for i := range p.Outputs {
		r, b, s := p.Outputs[i].Totals()
		rows, raw, stored = rows+r, raw+b, stored+s
	}
	return rows, raw, stored
}

// Totals returns the rows and the bytes, raw and as stored, of the file.
func (o *Output) Totals() (rows, raw, stored int64) {
	stored = bundle.MemberOverhead
	for i := range o.Segments {
		s := &o.Segments[i]
		rows, raw, stored = rows+s.Rows, raw+s.Raw, stored+s.Length
	}
	return rows, raw, stored
}

// check reports what would make executing the plan go wrong.
func (p *Plan) check() error {
	for i := range p.Outputs {
		o := &p.Outputs[i]
		if o.Manifest < 0 || o.Manifest >= len(p.Manifests) {
			return fmt.Errorf("output %d has no manifest: %w", i, ikada.ErrCorrupt)
		}
		for j := range o.Segments {
			s := &o.Segments[j]
			if s.Input < 0 || s.Input >= len(p.Inputs) {
				return fmt.Errorf("output %d, segment %d has no input: %w", i, j, ikada.ErrCorrupt)
			}
			if size := p.Inputs[s.Input].Size; s.Offset < 0 || s.Length < 0 || s.Length > size || s.Offset > size-s.Length || s.Raw < 0 || s.Rows < 0 {
				return fmt.Errorf("output %d, segment %d is not in its input: %w", i, j, ikada.ErrCorrupt)
			}
		}
	}
	return nil
}
