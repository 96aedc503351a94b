package plan

import (
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
)

//go:generate go tool msgp -file wire.go -o wire_gen.go -io=false -tests=false -unexported

// Plans and amendments are stored as MessagePack maps with short keys. The
// segments, of which there may be 200,000, are short arrays.

//msgp:limit arrays:4194304 maps:64
//msgp:tuple wireMark wireField wireSegment wireCut wireDropped

type wirePlan struct {
	Number    uint64         `msg:"n"`
	Created   int64          `msg:"made"`
	Lanes     []string       `msg:"lanes"` // referred to by number
	Before    []wireMark     `msg:"from"`
	After     []wireMark     `msg:"to"`
	Inputs    []wireInput    `msg:"in"`
	Manifests []wireManifest `msg:"mani"`
	Outputs   []wireOutput   `msg:"out"`
}

type wireMark struct {
	Lane    uint32
	Ordinal uint64
}

type wireInput struct {
	Lane         uint32 `msg:"l"`
	Ordinal      uint64 `msg:"o"`
	Key          string `msg:"k"`
	Size         int64  `msg:"s"`
	FirstArrival int64  `msg:"a"`
	Excluded     string `msg:"x,omitempty"`

	// Of no use to an executor, so plans without them and readers that skip
	// them are of the same version.
	First   string        `msg:"p,omitempty"`
	Last    string        `msg:"q,omitempty"`
	Dropped []wireDropped `msg:"d,omitempty"`
}

type wireDropped struct {
	Type string
	Rows int64
}

type wireManifest struct {
	Key    string      `msg:"k"`
	Type   string      `msg:"t"`
	Class  uint8       `msg:"c"`
	Fields []wireField `msg:"f"`
}

type wireField struct {
	Name     string
	Kinds    uint16
	MaxBytes uint32
	Rows     uint64
	Nulls    uint64
}

type wireOutput struct {
	Key      string        `msg:"k"`
	Manifest uint32        `msg:"m"`
	Hour     int64         `msg:"h"`
	Segments []wireSegment `msg:"s"`
}

type wireSegment struct {
	Input  uint32
	Offset int64
	Length int64
	Raw    int64
	CRC32  uint32
	CRC32C uint32
	Rows   int64
}

type wireAmendment struct {
	Plan   uint64    `msg:"n"`
	Number int       `msg:"k"`
	Made   int64     `msg:"made"`
	Cuts   []wireCut `msg:"cut"`
}

type wireCut struct {
	Output  uint32
	Segment uint32
	Reason  string
}

func (p *Plan) wire() *wirePlan {
	w := &wirePlan{Number: p.Number, Created: p.Created}
	lanes := make(map[ikada.Lane]uint32)
	number := func(lane ikada.Lane) uint32 {
		i, ok := lanes[lane]
		if !ok {
			i = uint32(len(w.Lanes))
			lanes[lane] = i
			w.Lanes = append(w.Lanes, lane.String())
		}
		return i
	}
	for _, m := range p.Before {
		w.Before = append(w.Before, wireMark{number(m.Lane), m.Ordinal})
	}
	for _, m := range p.After {
		w.After = append(w.After, wireMark{number(m.Lane), m.Ordinal})
	}
	for i := range p.Inputs {
		in := &p.Inputs[i]
		out := wireInput{
			Lane: number(in.Lane), Ordinal: in.Ordinal, Key: in.Key(), Size: in.Size, FirstArrival: in.FirstArrival,
			Excluded: in.Excluded, First: string(in.First), Last: string(in.Last),
		}
		for _, d := range in.Dropped {
			out.Dropped = append(out.Dropped, wireDropped{string(d.Type), d.Rows})
		}
		w.Inputs = append(w.Inputs, out)
	}
	for i := range p.Manifests {
		m := &p.Manifests[i]
		out := wireManifest{Key: m.Key, Type: string(m.Type), Class: uint8(m.Class), Fields: make([]wireField, len(m.Fields))}
		for j, f := range m.Fields {
			out.Fields[j] = wireField{f.Name, uint16(f.Kinds), f.MaxBytes, f.Rows, f.Nulls}
		}
		w.Manifests = append(w.Manifests, out)
	}
	for i := range p.Outputs {
		o := &p.Outputs[i]
		out := wireOutput{Key: o.Key, Manifest: uint32(o.Manifest), Hour: int64(o.Hour), Segments: make([]wireSegment, len(o.Segments))}
		for j := range o.Segments {
			s := &o.Segments[j]
			out.Segments[j] = wireSegment{uint32(s.Input), s.Offset, s.Length, s.Raw, s.CRC32, s.CRC32C, s.Rows}
		}
		w.Outputs = append(w.Outputs, out)
	}
	return w
}

func (w *wirePlan) plan() (*Plan, error) {
	p := &Plan{Number: w.Number, Created: w.Created}
	lanes := make([]ikada.Lane, len(w.Lanes))
	for i, s := range w.Lanes {
		lane, err := ikada.ParseLane(s)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ikada.ErrCorrupt, err)
		}
		lanes[i] = lane
	}
	var err error
	if p.Before, err = marks(w.Before, lanes); err != nil {
		return nil, err
	}
	if p.After, err = marks(w.After, lanes); err != nil {
		return nil, err
	}
	for i := range w.Inputs {
		in := &w.Inputs[i]
		if int(in.Lane) >= len(lanes) || bundle.Key(lanes[in.Lane], in.Ordinal) != in.Key {
			return nil, fmt.Errorf("input %d is in no lane: %w", i, ikada.ErrCorrupt)
		}
		out := Input{
			Lane: lanes[in.Lane], Ordinal: in.Ordinal, Size: in.Size, FirstArrival: in.FirstArrival,
			Excluded: in.Excluded, First: ikada.Position(in.First), Last: ikada.Position(in.Last),
		}
		for _, d := range in.Dropped {
			out.Dropped = append(out.Dropped, bundle.TypeCount{Type: ikada.LogType(d.Type), Rows: d.Rows})
		}
		p.Inputs = append(p.Inputs, out)
	}
	for i := range w.Manifests {
		m := &w.Manifests[i]
		if m.Class > uint8(ikada.Hard) {
			return nil, fmt.Errorf("manifest %d is of class %d: %w", i, m.Class, ikada.ErrCorrupt)
		}
		fields := make([]ikada.Field, len(m.Fields))
		for j := range m.Fields {
			f := &m.Fields[j]
			fields[j] = ikada.Field{Name: f.Name, Kinds: ikada.Kinds(f.Kinds), MaxBytes: f.MaxBytes, Rows: f.Rows, Nulls: f.Nulls}
		}
		p.Manifests = append(p.Manifests, Manifest{m.Key, ikada.LogType(m.Type), ikada.Class(m.Class), fields})
	}
	for i := range w.Outputs {
		p.Outputs = append(p.Outputs, w.Outputs[i].output())
	}
	return p, p.check()
}

func marks(in []wireMark, lanes []ikada.Lane) ([]Mark, error) {
	var out []Mark
	for _, m := range in {
		if int(m.Lane) >= len(lanes) {
			return nil, fmt.Errorf("an ordinal is of no lane: %w", ikada.ErrCorrupt)
		}
		out = append(out, Mark{lanes[m.Lane], m.Ordinal})
	}
	return out, nil
}

func (w *wireOutput) output() Output {
	o := Output{Key: w.Key, Manifest: int(w.Manifest), Hour: ikada.Hour(w.Hour), Segments: make([]Segment, len(w.Segments))}
	for j := range w.Segments {
		s := &w.Segments[j]
		o.Segments[j] = Segment{int(s.Input), s.Rows, bundle.Extent{
			Offset: s.Offset, Length: s.Length, Raw: s.Raw, CRC32: s.CRC32, CRC32C: s.CRC32C,
		}}
	}
	return o
}
