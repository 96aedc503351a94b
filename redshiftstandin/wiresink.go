package redshiftstandin

import (
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
)

// wireSink sends the answers to statements to a client.
type wireSink struct {
	backend  *pgproto3.Backend
	describe bool // with a description of the rows
	answered bool
	formats  []int16
	cols     []column
	types    *pgtype.Map
	pending  int
	err      error
}

func (w *wireSink) columns(columns []column) {
	w.cols = columns
	if w.describe {
		w.backend.Send(rowDescription(columns, w.formats))
	}
}

func rowDescription(columns []column, formats []int16) *pgproto3.RowDescription {
	d := &pgproto3.RowDescription{}
	for i, c := range columns {
		size, modifier := int16(-1), int32(-1)
		switch c.typ.Name {
		case "smallint":
			size = 2
		case "integer", "real", "date":
			size = 4
		case "bigint", "double precision", "timestamp without time zone", "timestamp with time zone":
			size = 8
		case "boolean":
			size = 1
		case "character varying", "character":
			modifier = int32(c.typ.Length) + 4
		case "numeric":
			modifier = int32(c.typ.Length)<<16 | int32(c.typ.Scale) + 4
		}
		d.Fields = append(d.Fields, pgproto3.FieldDescription{
			Name: []byte(c.name), DataTypeOID: c.oid(), DataTypeSize: size, TypeModifier: modifier, Format: formatOf(formats, i),
		})
	}
	return d
}

// formatOf is the format of a column: one for all, or one each.
func formatOf(formats []int16, i int) int16 {
	switch {
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	}
	return 0
}

func (w *wireSink) row(values []*string) {
	row := &pgproto3.DataRow{Values: make([][]byte, len(values))}
	for i, v := range values {
		if v == nil {
			continue
		}
		row.Values[i] = []byte(*v)
		if formatOf(w.formats, i) == 1 {
			w.encode(row, i)
		}
	}
	w.backend.Send(row)
	if w.pending++; w.pending%1000 == 0 {
		_ = w.backend.Flush() // an error comes again with the next message
	}
}

// encode turns a value's text into the binary form.
func (w *wireSink) encode(row *pgproto3.DataRow, i int) {
	if w.types == nil {
		w.types = pgtype.NewMap()
	}
	oid := w.cols[i].oid()
	t, known := w.types.TypeForOID(oid)
	if !known {
		return // text, as for SUPER
	}
	value, err := t.Codec.DecodeValue(w.types, oid, pgtype.TextFormatCode, row.Values[i])
	if err == nil {
		row.Values[i], err = w.types.Encode(oid, pgtype.BinaryFormatCode, value, nil)
	}
	if err != nil && w.err == nil {
		w.err = errorf(codeInternal, "encode column %q: %v", w.cols[i].name, err)
	}
}

func (w *wireSink) done(tag string) {
	w.answered = true
	w.backend.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
}

func (w *wireSink) notice(message string) {
	w.backend.Send(&pgproto3.NoticeResponse{Severity: "INFO", Code: "00000", Message: message})
}
