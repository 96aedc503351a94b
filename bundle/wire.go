package bundle

import (
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

//go:generate go tool msgp -file wire.go -o wire_gen.go -io=false -tests=false -unexported

// The index is stored as MessagePack maps with short keys, in the form of
// wireIndex. Log types and field names stand in it once and are referred to by
// number, and the fields of all segments are one flat list of short arrays: a
// router decodes an index faster than it could copy a hundredth of the log.

//msgp:limit arrays:4194304 maps:64
//msgp:tuple wireField wireCount

type wireIndex struct {
	Lane         string        `msg:"lane"`
	Ordinal      uint64        `msg:"ord"`
	First        string        `msg:"first"`
	Last         string        `msg:"last"`
	Previous     string        `msg:"prev"`
	Keys         []byte        `msg:"keys"` // 16 bytes each
	Dropped      []wireCount   `msg:"drop"`
	FirstArrival int64         `msg:"arr0"`
	LastArrival  int64         `msg:"arr1"`
	Created      int64         `msg:"made"`
	Types        []string      `msg:"types"`
	Names        []string      `msg:"names"`
	Segments     []wireSegment `msg:"segs"`
	Fields       []wireField   `msg:"flds"` // of all segments, in their order
}

// wireSegment has no offset: segments are back to back.
type wireSegment struct {
	Type   uint32 `msg:"t"` // in Types
	Hour   int64  `msg:"h"`
	Class  uint8  `msg:"c"`
	Length int64  `msg:"l"`
	Raw    int64  `msg:"r"`
	CRC32  uint32 `msg:"x"`
	CRC32C uint32 `msg:"y"`
	Rows   int64  `msg:"n"`
	First  int64  `msg:"a"`
	Last   int64  `msg:"z"`
	Fields uint32 `msg:"f"` // how many of Fields
}

type wireField struct {
	Name     uint32 // in Names
	Kinds    uint16
	MaxBytes uint32
	Rows     uint64
	Nulls    uint64
}

type wireCount struct {
	Type uint32 // in Types
	Rows int64
}

// numbering gives each string its place in a list.
type numbering struct {
	list   []string
	number map[string]uint32
}

func (n *numbering) of(s string) uint32 {
	if i, ok := n.number[s]; ok {
		return i
	}
	if n.number == nil {
		n.number = make(map[string]uint32)
	}
	i := uint32(len(n.list))
	n.number[s] = i
	n.list = append(n.list, s)
	return i
}

func (x *Index) appendWire(dst []byte) ([]byte, error) {
	var types, names numbering
	w := wireIndex{
		Lane: x.Lane.String(), Ordinal: x.Ordinal,
		First: string(x.First), Last: string(x.Last), Previous: string(x.Previous),
		FirstArrival: x.FirstArrival, LastArrival: x.LastArrival, Created: x.Created,
		Keys:     make([]byte, 0, len(x.Keys)*len(batch.Key{})),
		Segments: make([]wireSegment, len(x.Segments)),
	}
	for i := range x.Keys {
		w.Keys = append(w.Keys, x.Keys[i][:]...)
	}
	for _, d := range x.Dropped {
		w.Dropped = append(w.Dropped, wireCount{Type: types.of(string(d.Type)), Rows: d.Rows})
	}
	for i := range x.Segments {
		s := &x.Segments[i]
		w.Segments[i] = wireSegment{
			Type: types.of(string(s.Type)), Hour: int64(s.Hour), Class: uint8(s.Class),
			Length: s.Length, Raw: s.Raw, CRC32: s.CRC32, CRC32C: s.CRC32C,
			Rows: s.Rows, First: s.First, Last: s.Last, Fields: uint32(len(s.Fields)),
		}
		for _, f := range s.Fields {
			w.Fields = append(w.Fields, wireField{
				Name: names.of(f.Name), Kinds: uint16(f.Kinds), MaxBytes: f.MaxBytes, Rows: f.Rows, Nulls: f.Nulls,
			})
		}
	}
	w.Types, w.Names = types.list, names.list
	return w.MarshalMsg(dst)
}

// parseWire decodes an index whose segments take end bytes.
func parseWire(data []byte, end int64) (*Index, error) {
	var w wireIndex
	rest, err := w.UnmarshalMsg(data)
	if err != nil {
		return nil, fmt.Errorf("decode index: %w: %w", ikada.ErrCorrupt, err)
	}
	if len(rest) != 0 {
		return nil, inconsistent("bytes behind the index")
	}
	lane, err := ikada.ParseLane(w.Lane)
	if err != nil {
		return nil, fmt.Errorf("decode index: %w: %w", ikada.ErrCorrupt, err)
	}
	x := &Index{Head: Head{
		Lane: lane, Ordinal: w.Ordinal,
		First: ikada.Position(w.First), Last: ikada.Position(w.Last), Previous: ikada.Position(w.Previous),
		FirstArrival: w.FirstArrival, LastArrival: w.LastArrival, Created: w.Created,
	}}
	if err := w.head(&x.Head); err != nil {
		return nil, err
	}
	if x.Segments, err = w.segments(end); err != nil {
		return nil, err
	}
	return x, nil
}

func (w *wireIndex) head(h *Head) error {
	const size = len(batch.Key{})
	if len(w.Keys)%size != 0 {
		return inconsistent("a dedupe key is cut short")
	}
	if n := len(w.Keys) / size; n > 0 {
		h.Keys = make([]batch.Key, n)
		for i := range h.Keys {
			copy(h.Keys[i][:], w.Keys[i*size:])
		}
	}
	for _, d := range w.Dropped {
		if int(d.Type) >= len(w.Types) {
			return inconsistent("no such log type")
		}
		h.Dropped = append(h.Dropped, TypeCount{Type: ikada.LogType(w.Types[d.Type]), Rows: d.Rows})
	}
	return nil
}

func (w *wireIndex) segments(end int64) ([]Segment, error) {
	fields, err := w.fields()
	if err != nil {
		return nil, err
	}
	segments := make([]Segment, len(w.Segments))
	offset := int64(0)
	for i := range w.Segments {
		s := &w.Segments[i]
		switch {
		case int(s.Type) >= len(w.Types):
			return nil, inconsistent("no such log type")
		case s.Class > uint8(ikada.Hard):
			return nil, inconsistent("no such class")
		case s.Length < 0 || s.Length > end-offset || s.Raw < 0 || s.Rows < 0:
			return nil, inconsistent("a segment's length is wrong")
		case int64(s.Fields) > int64(len(fields)):
			return nil, inconsistent("fields are missing")
		}
		segments[i] = Segment{
			SegmentKey{ikada.LogType(w.Types[s.Type]), ikada.Hour(s.Hour), ikada.Class(s.Class)},
			Stats{s.Rows, s.First, s.Last, fields[:s.Fields:s.Fields]},
			Extent{offset, s.Length, s.Raw, s.CRC32, s.CRC32C},
		}
		offset += s.Length
		fields = fields[s.Fields:]
	}
	if offset != end || len(fields) != 0 {
		return nil, inconsistent("the segments do not fill the bundle")
	}
	return segments, nil
}

func (w *wireIndex) fields() ([]ikada.Field, error) {
	fields := make([]ikada.Field, len(w.Fields))
	for i := range w.Fields {
		f := &w.Fields[i]
		if int(f.Name) >= len(w.Names) {
			return nil, inconsistent("no such field name")
		}
		fields[i] = ikada.Field{
			Name: w.Names[f.Name], Kinds: ikada.Kinds(f.Kinds), MaxBytes: f.MaxBytes, Rows: f.Rows, Nulls: f.Nulls,
		}
	}
	return fields, nil
}

func inconsistent(what string) error {
	return fmt.Errorf("decode index: %s: %w", what, ikada.ErrCorrupt)
}
