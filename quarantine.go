package ikada

import (
	"encoding/base64"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
)

// quarantineBytes is how much of what is set aside goes into one row of the
// quarantine: as base64 it stays below 65,535 bytes, so that it fits every
// warehouse.
const quarantineBytes = 48_000

// SetAside describes something that goes to the quarantine: bytes that are no
// valid event, or a row that a load could not put into its table.
type SetAside struct {
	Reason string
	Origin string
	Type   string // the tag, or the log type of a row

	// Of a row that was in the archive already: where it is there, which
	// column was refused ("" if nobody tells), and its _id if it has one.
	File   string
	Line   int64
	Column string
	Row    string

	// Of a piece of what was too large for one message: the name that all pieces
	// of the whole have, and which piece it is, from 1, of how many.
	Whole     string
	Piece, Of int

	Withheld int // bytes that were not kept, as fields to be guarded may be in them
}

// Pieces returns the rows of the quarantine that hold the raw bytes: of each the
// members of its JSON object, without the braces. There is at least one.
func (s *SetAside) Pieces(raw []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		n := max(1, (len(raw)+quarantineBytes-1)/quarantineBytes)
		for i := range n {
			if !yield(s.piece(i+1, n, raw[i*quarantineBytes:min(len(raw), (i+1)*quarantineBytes)])) {
				return
			}
		}
	}
}

func (s *SetAside) piece(i, n int, raw []byte) []byte {
	b := appendMember(nil, `"reason":`, s.Reason)
	b = appendMember(b, `,"origin":`, s.Origin)
	b = appendMember(b, `,"type":`, s.Type)
	b = strconv.AppendInt(append(b, `,"part":`...), int64(i), 10)
	b = strconv.AppendInt(append(b, `,"parts":`...), int64(n), 10)
	b = append(b, `,"data":"`...)
	b = append(base64.StdEncoding.AppendEncode(b, raw), '"')
	if s.Of > 0 {
		b = appendMember(b, `,"whole":`, s.Whole)
		b = strconv.AppendInt(append(b, `,"piece":`...), int64(s.Piece), 10)
		b = strconv.AppendInt(append(b, `,"pieces":`...), int64(s.Of), 10)
	}
	if s.Withheld > 0 {
		b = strconv.AppendInt(append(b, `,"withheld":`...), int64(s.Withheld), 10)
	}
	if s.File == "" {
		return b
	}
	b = appendMember(b, `,"file":`, s.File)
	b = strconv.AppendInt(append(b, `,"line":`...), s.Line, 10)
	if s.Column != "" {
		b = appendMember(b, `,"column":`, s.Column)
	}
	if s.Row != "" {
		b = appendMember(b, `,"row":`, s.Row)
	}
	return b
}

// appendMember appends a text that every warehouse can hold: short enough,
// UTF-8, without NUL.
func appendMember(b []byte, key, text string) []byte {
	const limit = 2000
	if len(text) > limit {
		text = text[:limit]
	}
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\u2400")
	quoted, _ := json.Marshal(text) // of a valid string there is no error
	return append(append(b, key...), quoted...)
}

// QuarantineFields are the fields of the quarantine's rows as a load sees them.
// They are always of these kinds, so the table is the same whoever makes it.
func QuarantineFields() []Field {
	const text, whole = KindEmpty | KindText, KindInt
	return []Field{
		{Name: "reason", Kinds: text, MaxBytes: 2000}, {Name: "origin", Kinds: text, MaxBytes: 2000}, {Name: "type", Kinds: text, MaxBytes: 2000},
		{Name: "part", Kinds: whole}, {Name: "parts", Kinds: whole}, {Name: "data", Kinds: text, MaxBytes: (quarantineBytes + 2) / 3 * 4},
		{Name: "file", Kinds: text, MaxBytes: 2000}, {Name: "line", Kinds: whole},
		{Name: "column", Kinds: text, MaxBytes: 2000}, {Name: "row", Kinds: text, MaxBytes: 128},
	}
}
