package kinesisrecord

import (
	"bytes"
	"errors"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// parts gathers the events of one record: a part for each log type, so that the
// chunk window holds few keys. A text whose lines are all of one type is not
// copied.
type parts struct {
	byType map[string]*group // groups of earlier records too, for their memory
	used   []*group
	last   *group
	texts  int // number of the text at hand
	kept   int // bytes of all groups' memory

	pieces   []piece
	open     bool   // the last piece goes on if what follows is bad too
	overflow []byte // bad bytes beyond maxPieces
	out      []batch.Part
}

// group is the events of one log type.
type group struct {
	tag    string
	events []byte // a slice of a text, or of buf
	buf    []byte
	copied bool // events are in buf
	text   int  // the text that events are of
	end    int  // and where they end in it
	inUse  bool
	kept   int // the size of buf that is counted
}

// piece is bytes that no event could be made of.
type piece struct {
	reason error
	raw    []byte
	text   int
	start  int
}

const (
	// maxTypes bounds the log types of one record, maxPieces its bad pieces.
	maxTypes  = 10_000
	maxPieces = 1_000
	// keptTypes and keptBytes bound the memory kept from record to record.
	keptTypes = 1_000
	keptBytes = 16 << 20
)

var (
	errTypes    = errors.New("the record holds more than 10,000 log types: is the field of the log type the right one?")
	errOverflow = errors.New("further bytes of a record with more than 1,000 broken pieces")
)

func (p *parts) reset() {
	for _, g := range p.used {
		p.kept += cap(g.buf) - g.kept
		*g = group{tag: g.tag, buf: g.buf, kept: cap(g.buf)}
	}
	if p.byType == nil || len(p.byType) > keptTypes || p.kept > keptBytes {
		p.byType, p.kept = map[string]*group{}, 0
	}
	clear(p.pieces)
	clear(p.out)
	p.used, p.pieces, p.out, p.overflow = p.used[:0], p.pieces[:0], p.out[:0], nil
	p.last, p.open, p.texts = nil, false, 0
}

// next begins another text.
func (p *parts) next() {
	p.texts++
	p.open = false
}

// group returns the group of a log type, or nil if there are too many.
func (p *parts) group(tag []byte) *group {
	if p.last != nil && p.last.tag == string(tag) {
		return p.last
	}
	g := p.byType[string(tag)]
	if g == nil {
		if len(p.used) >= maxTypes {
			return nil
		}
		g = &group{tag: string(tag)}
		p.byType[g.tag] = g
	}
	if !g.inUse {
		g.inUse = true
		p.used = append(p.used, g)
	}
	p.last = g
	return g
}

// take adds the line text[start:end] to a group.
func (p *parts) take(g *group, text []byte, start, end int) {
	p.open = false
	switch {
	case !g.copied && len(g.events) == 0:
		g.events, g.text, g.end = text[start:end:end], p.texts, end
	case !g.copied && g.text == p.texts && nextLine(text[g.end:start]):
		g.events = text[g.end-len(g.events) : end : end]
		g.end = end
	default:
		g.own()
		g.events = append(append(g.events, text[start:end]...), '\n')
	}
}

// nextLine reports whether all that stands between two events is white space
// with a line's end.
func nextLine(gap []byte) bool {
	if len(gap) == 1 {
		return gap[0] == '\n'
	}
	return space(gap, 0) == len(gap) && bytes.IndexByte(gap, '\n') >= 0
}

// own makes the group's events its own, each with a line's end, so that others
// can be appended.
func (g *group) own() {
	if g.copied {
		return
	}
	g.copied = true
	had := g.events
	if g.events = append(g.buf[:0], had...); len(had) > 0 {
		g.events = append(g.events, '\n')
	}
}

// bad adds the piece text[start:end], which joins the piece before it if there
// was no event between them.
func (p *parts) bad(text []byte, start, end int, reason error) {
	if n := len(p.pieces); p.open && p.pieces[n-1].text == p.texts {
		last := &p.pieces[n-1]
		last.raw = text[last.start:end:end]
		return
	}
	if len(p.pieces) >= maxPieces {
		p.overflow = append(append(p.overflow, text[start:end]...), '\n')
		return
	}
	p.pieces = append(p.pieces, piece{reason: reason, raw: text[start:end:end], text: p.texts, start: start})
	p.open = true
}

// list returns the parts, those of the quarantine last.
func (p *parts) list(format batch.Format) []batch.Part {
	for _, g := range p.used {
		if g.copied {
			g.buf = g.events // it may have grown
		}
		if len(g.events) > 0 {
			p.out = append(p.out, batch.Part{Tag: g.tag, Format: format, Payload: g.events})
		}
	}
	for i := range p.pieces {
		p.out = append(p.out, badPart(p.pieces[i].reason, p.pieces[i].raw))
	}
	if len(p.overflow) > 0 {
		p.out = append(p.out, badPart(errOverflow, p.overflow))
	}
	return p.out
}

func badPart(reason error, raw []byte) batch.Part {
	return batch.Part{
		Tag:     string(ikada.Quarantine),
		Format:  batch.Bad,
		Payload: batch.AppendBad(nil, reason.Error(), 1, 1, raw),
	}
}
