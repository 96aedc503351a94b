package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"sync"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// Part adds a part's records to the set. It returns how many rows came of it,
// and how many of them are rows of the quarantine.
func (s *Set) Part(p *batch.Part) (rows, quarantined int64) {
	before := s.rows
	from, err := s.source(p.Tag)
	switch {
	case p.Format == batch.Bad:
		quarantined = s.badPart(p)
	case err != nil:
		quarantined = s.quarantine(p, err, p.Payload)
	default:
		from.to.tapped = s.tap != nil && s.tap.Wants(from.to.name)
		switch p.Format {
		case batch.Msgpack:
			quarantined = s.entries(from, p)
		case batch.JSON, batch.JSONEntries:
			quarantined = s.lines(from, p)
		default:
			quarantined = s.quarantine(p, fmt.Errorf("payload format %d is unknown", p.Format), p.Payload)
		}
	}
	return s.rows - before, quarantined
}

// entries reads concatenated Forward entries in msgpack.
func (s *Set) entries(from *source, p *batch.Part) (quarantined int64) {
	// What is copied or looked at in one go may reach behind a value, but not
	// behind the payload.
	d, shape := msgpack{b: slices.Clip(p.Payload)}, from.shape()
	for d.i < len(d.b) {
		start := d.i
		at, skip, err := s.entry(&d, shape, p.Arrival)
		if err == nil {
			if skip {
				continue
			}
			if err = s.finish(from, at, p.Arrival); err == nil {
				continue
			}
		}
		d.i = start
		if d.skip() != nil { // no telling where the next entry begins
			d.i = len(d.b)
		}
		quarantined += s.quarantine(p, err, d.b[start:d.i])
	}
	return quarantined
}

// entry reads one entry, [time, record], into the current row. skip is true
// for the group markers of Fluent Bit, which bear no event.
func (s *Set) entry(d *msgpack, shape *Shape, arrival int64) (at int64, skip bool, err error) {
	s.row.reset()
	c, n, err := d.head()
	if err != nil {
		return 0, false, err
	}
	if c != 0xdd || n < 2 {
		return 0, false, errors.New("the entry is not an array of time and record")
	}
	at, meta, skip, err := d.time(arrival)
	if err != nil {
		return 0, false, err
	}
	if err = d.record(&s.row, shape); err != nil {
		return 0, false, err
	}
	for range n - 2 { // later versions may add elements
		if err = d.skip(); err != nil {
			return 0, false, err
		}
	}
	if meta != nil {
		err = s.meta(shape, meta)
	}
	return at, skip, err
}

// time reads an entry's time in any of its forms, and the metadata that may
// stand beside it (nil if there is none).
func (d *msgpack) time(arrival int64) (at int64, meta []byte, skip bool, err error) {
	if d.i >= len(d.b) {
		return 0, nil, false, errShort
	}
	if sec, ok := d.integer(); ok {
		if sec == 0 || sec > ikada.MaxSeconds || sec < -ikada.MaxSeconds {
			return arrival, nil, false, nil
		}
		return sec * 1e9, nil, false, nil
	}
	c, n, err := d.head()
	if err != nil {
		return 0, nil, false, err
	}
	switch body := d.b[d.i:]; {
	case c == 0xc9 && n == 9 && body[0] == 0:
		d.i += n
		at = eventTime(body[1:9])
		if at == 0 {
			return arrival, nil, false, nil
		}
		sec := uint32(at / 1e9)
		return at, nil, sec >= math.MaxUint32-1, nil
	case c == 0xcb && n == 8:
		d.i += n
		f := math.Float64frombits(binary.BigEndian.Uint64(body))
		if f > 0 && f < ikada.MaxSeconds {
			return ikada.FloatSeconds(f), nil, false, nil
		}
		return arrival, nil, false, nil
	case c == 0xc0:
		return arrival, nil, false, nil
	case c == 0xdd && n == 2:
		return d.timeAndMeta(arrival)
	}
	return 0, nil, false, errors.New("the entry's time is neither an EventTime nor a number")
}

func (d *msgpack) timeAndMeta(arrival int64) (at int64, meta []byte, skip bool, err error) {
	if at, _, skip, err = d.time(arrival); err != nil {
		return 0, nil, false, err
	}
	start := d.i
	if err = d.skip(); err != nil {
		return 0, nil, false, err
	}
	meta = d.b[start:d.i]
	if len(meta) == 1 && (meta[0] == 0x80 || meta[0] == 0xc0) { // empty
		meta = nil
	}
	return at, meta, skip, nil
}

// meta adds an entry's metadata to the current row.
func (s *Set) meta(shape *Shape, meta []byte) error {
	d := msgpack{b: meta}
	s.row.key(shape, shape.metaSlot(), nil)
	kind, err := d.value(&s.row, 1)
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	s.row.value(kind)
	return nil
}

// lines reads newline-separated JSON.
func (s *Set) lines(from *source, p *batch.Part) (quarantined int64) {
	d, shape := jsonText{}, from.shape()
	for line := range bytes.SplitSeq(p.Payload, []byte{'\n'}) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		d.b, d.i = line, 0
		at, err := s.line(&d, shape, p)
		if err == nil {
			err = s.finish(from, at, p.Arrival)
		}
		if err != nil {
			quarantined += s.quarantine(p, err, line)
		}
	}
	return quarantined
}

// line reads one record, or one Forward entry in JSON.
func (s *Set) line(d *jsonText, shape *Shape, p *batch.Part) (at int64, err error) {
	s.row.reset()
	if p.Format == batch.JSONEntries {
		if at, err = d.entryTime(p.Arrival); err != nil {
			return 0, err
		}
	}
	if err = d.record(&s.row, shape); err != nil {
		return 0, err
	}
	if p.Format == batch.JSONEntries {
		if err = d.expect(']'); err != nil {
			return 0, err
		}
		return at, d.end()
	}
	if own, ok := s.row.time.At(p.Arrival); ok {
		return own, d.end()
	}
	return p.Arrival, d.end()
}

// entryTime reads "[time," of an entry in JSON.
func (d *jsonText) entryTime(arrival int64) (int64, error) {
	if err := d.expect('['); err != nil {
		return 0, err
	}
	at := arrival
	d.space()
	if n := scanNumber(d.b[d.i:]); n > 0 {
		if ns, ok := ikada.ParseEpoch(d.b[d.i : d.i+n]); ok && ns != 0 {
			at = ns
		}
		d.i += n
	} else if bytes.HasPrefix(d.b[d.i:], []byte("null")) {
		d.i += len("null")
	} else {
		return 0, d.unexpected("the entry's time, a number")
	}
	return at, d.expect(',')
}

// quarantine adds rows for bytes that are no valid event.
func (s *Set) quarantine(p *batch.Part, reason error, raw []byte) (n int64) {
	return s.setAside(p, ikada.SetAside{Reason: reason.Error(), Origin: p.Origin, Type: p.Tag}, raw)
}

func (s *Set) setAside(p *batch.Part, aside ikada.SetAside, raw []byte) (n int64) {
	if s.withholds(p) {
		aside.Withheld, raw = len(raw), nil
	}
	for members := range aside.Pieces(raw) {
		s.quarantineRow(p, members)
		n++
	}
	return n
}

// badPart adds rows for bytes that collect could make no record of. They may
// be a piece of what was cut there already.
func (s *Set) badPart(p *batch.Part) int64 {
	reason, i, n, raw, err := batch.ParseBad(p.Payload)
	if err != nil {
		return s.quarantine(p, err, p.Payload)
	}
	aside := ikada.SetAside{Reason: reason, Origin: p.Origin, Type: p.Tag}
	if n > 1 {
		aside.Piece, aside.Of = i, n
		aside.Origin, aside.Whole = batch.ParsePieceOrigin(p.Origin)
	}
	return s.setAside(p, aside, raw)
}

func (s *Set) quarantineRow(p *batch.Part, members []byte) {
	t := s.named(ikada.Quarantine)
	t.tapped = s.tap != nil && s.tap.Wants(t.name)
	s.row.reset()
	d := jsonText{b: append(append([]byte{'{'}, members...), '}')}
	if err := d.record(&s.row, t.shape); err != nil {
		// It was written just above: only a bug gets here, and must not hide.
		panic("quarantine row: " + err.Error())
	}
	s.row.settle()
	s.commit(t, p.Arrival, p.Arrival)
}

// shortPosition returns a position, fixed-width decimal text, in base 36.
func shortPosition(p ikada.Position) string {
	if n, err := strconv.ParseUint(string(p), 10, 64); err == nil {
		return strconv.FormatUint(n, 36)
	}
	if n, ok := new(big.Int).SetString(string(p), 10); ok {
		return n.Text(36)
	}
	return string(p)
}

// checker reuses what Check needs.
type checker struct {
	row   row
	shape *Shape
}

var checkers = sync.Pool{New: func() any { return &checker{shape: NewShape()} }}

// Check says whether a line of JSON is a record that Part takes; if not, why.
func Check(line []byte) error {
	c := checkers.Get().(*checker)
	defer checkers.Put(c)
	if c.shape.full() {
		c.shape = NewShape()
	}
	c.row.reset()
	d := jsonText{b: line}
	if err := d.record(&c.row, c.shape); err != nil {
		return err
	}
	return d.end()
}

// Count returns how many rows a part would make, for counting what is dropped
// as a duplicate.
func Count(p *batch.Part) int64 {
	switch p.Format {
	case batch.JSON, batch.JSONEntries:
		n := int64(0)
		for line := range bytes.SplitSeq(p.Payload, []byte{'\n'}) {
			if len(bytes.TrimSpace(line)) > 0 {
				n++
			}
		}
		return n
	case batch.Msgpack:
		n, d := int64(0), msgpack{b: p.Payload}
		for d.i < len(d.b) {
			if n++; d.skip() != nil {
				break
			}
		}
		return n
	}
	return 1
}
