package record

import (
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ikada-io/ikada"
)

// jsonText reads JSON and appends it to the current row in one form: without
// white space, escapes only where they must be.
type jsonText struct {
	b       []byte
	i       int
	scratch []byte
}

var errJSONEnd = errors.New("JSON ends in the middle of a value")

func (d *jsonText) space() {
	for d.i < len(d.b) {
		switch d.b[d.i] {
		case ' ', '\t', '\n', '\r':
			d.i++
		default:
			return
		}
	}
}

// next skips white space and returns the next byte without reading it, or 0.
func (d *jsonText) next() byte {
	d.space()
	if d.i < len(d.b) {
		return d.b[d.i]
	}
	return 0
}

func (d *jsonText) unexpected(want string) error {
	if d.i >= len(d.b) {
		return errJSONEnd
	}
	r, _ := utf8.DecodeRune(d.b[d.i:])
	return fmt.Errorf("byte %d is %q, want %s", d.i+1, r, want)
}

// expect reads one byte behind white space.
func (d *jsonText) expect(c byte) error {
	if d.next() != c {
		return d.unexpected(fmt.Sprintf("%q", c))
	}
	d.i++
	return nil
}

// end reports an error if anything but white space follows.
func (d *jsonText) end() error {
	if d.space(); d.i < len(d.b) {
		return d.unexpected("the end of the line")
	}
	return nil
}

// record reads an object into the row, which is to be settled then.
func (d *jsonText) record(r *row, s *Shape) error {
	switch d.next() {
	case '{':
		d.i++
	case 0:
		return errJSONEnd
	case '[', '"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 't', 'f', 'n':
		return errors.New("the record is not an object")
	default:
		return d.unexpected("a JSON object")
	}
	s.row++
	slot := int32(0)
	for first := true; d.next() != '}'; first = false {
		if !first {
			if err := d.expect(','); err != nil {
				return err
			}
		}
		var err error
		if slot, err = d.key(r, s, slot); err != nil {
			return err
		}
		if err = d.expect(':'); err != nil {
			return err
		}
		d.space()
		kind, err := d.value(r, 1)
		if err != nil {
			return fmt.Errorf("field %s: %w", r.lastKey(), err)
		}
		r.value(kind)
		r.noteTime(s)
	}
	d.i++
	return nil
}

// key reads a top-level key, mostly the one that followed the previous key in
// the last record.
func (d *jsonText) key(r *row, s *Shape, prev int32) (int32, error) {
	d.space()
	if next := s.slots[prev].next; next != 0 {
		if expected := &s.slots[next].json; expected.begins(d.b[d.i:]) {
			d.i += len(expected.text)
			r.key(s, next, nil)
			return next, nil
		}
	}
	start := d.i
	text, err := d.str()
	if err != nil {
		return 0, err
	}
	slot, keyText := s.find(prev, replaceNUL(text))
	r.key(s, slot, keyText)
	if slot == unlisted {
		return prev, nil
	}
	s.slots[slot].json = newKeyForm(d.b[start:d.i])
	return slot, nil
}

// value appends a value. White space before it has been skipped.
func (d *jsonText) value(r *row, depth int) (ikada.Kinds, error) {
	if d.i >= len(d.b) {
		return 0, errJSONEnd
	}
	switch c := d.b[d.i]; {
	case c == '"':
		s, err := d.str()
		if err != nil {
			return 0, err
		}
		return r.text(s)
	case c == '-' || c >= '0' && c <= '9':
		n := scanNumber(d.b[d.i:])
		if n == 0 {
			return 0, fmt.Errorf("byte %d begins no valid number", d.i+1)
		}
		text := d.b[d.i : d.i+n]
		d.i += n
		r.body = append(r.body, text...)
		return ikada.NumberKind(text), nil
	case c == '{':
		return ikada.KindObject, d.object(r, depth)
	case c == '[':
		return ikada.KindArray, d.array(r, depth)
	}
	for _, w := range literals {
		if n := len(w.text); n <= len(d.b)-d.i && string(d.b[d.i:d.i+n]) == w.text {
			d.i += n
			r.body = append(r.body, w.text...)
			return w.kind, nil
		}
	}
	return 0, d.unexpected("a JSON value")
}

var literals = [...]struct {
	text string
	kind ikada.Kinds
}{{"null", ikada.KindNull}, {"true", ikada.KindBool}, {"false", ikada.KindBool}}

func (d *jsonText) array(r *row, depth int) error {
	if err := r.deeper(depth); err != nil {
		return err
	}
	d.i++
	r.body = append(r.body, '[')
	for first := true; d.next() != ']'; first = false {
		if !first {
			if err := d.expect(','); err != nil {
				return err
			}
			r.body = append(r.body, ',')
		}
		if err := d.element(r, depth); err != nil {
			return err
		}
	}
	d.i++
	r.body = append(r.body, ']')
	return nil
}

func (d *jsonText) object(r *row, depth int) error {
	if err := r.deeper(depth); err != nil {
		return err
	}
	d.i++
	r.body = append(r.body, '{')
	for first := true; d.next() != '}'; first = false {
		if !first {
			if err := d.expect(','); err != nil {
				return err
			}
			r.body = append(r.body, ',')
		}
		d.space()
		key, err := d.str()
		if err != nil {
			return err
		}
		if _, err = r.text(key); err != nil {
			return err
		}
		if err = d.expect(':'); err != nil {
			return err
		}
		r.body = append(r.body, ':')
		if err := d.element(r, depth); err != nil {
			return err
		}
	}
	d.i++
	r.body = append(r.body, '}')
	return nil
}

func (d *jsonText) element(r *row, depth int) error {
	d.space()
	kind, err := d.value(r, depth+1)
	r.deep(kind)
	return err
}

// str reads a string and returns its content, valid until the next call. A
// lone surrogate becomes U+FFFD; bytes that are no UTF-8 are an error.
func (d *jsonText) str() ([]byte, error) {
	if d.i >= len(d.b) || d.b[d.i] != '"' {
		return nil, d.unexpected("a string")
	}
	start := d.i + 1
	for i := start; i < len(d.b); i++ {
		switch c := d.b[i]; {
		case c == '"':
			s := d.b[start:i]
			d.i = i + 1
			return validText(s)
		case c == '\\':
			return d.escaped(start, i)
		case c < 0x20:
			d.i = i
			return nil, fmt.Errorf("byte %d is the control character 0x%02x inside of a string: escape it", i+1, c)
		}
	}
	return nil, errJSONEnd
}

func validText(s []byte) ([]byte, error) {
	if plainASCII(s) || utf8.Valid(s) {
		return s, nil
	}
	if fixed, ok := repair(s); ok {
		return fixed, nil
	}
	return nil, errors.New("the text is not UTF-8") // which is not shown: it may be to be masked
}

// escaped reads the rest of a string, from its first backslash.
func (d *jsonText) escaped(start, i int) ([]byte, error) {
	out := append(d.scratch[:0], d.b[start:i]...)
	defer func() { d.scratch = out[:0] }()
	for i < len(d.b) {
		c := d.b[i]
		switch {
		case c == '"':
			d.i = i + 1
			return validText(out)
		case c < 0x20:
			return nil, fmt.Errorf("byte %d is the control character 0x%02x inside of a string: escape it", i+1, c)
		case c != '\\':
			out = append(out, c)
			i++
			continue
		}
		if i+1 >= len(d.b) {
			return nil, errJSONEnd
		}
		if d.b[i+1] == 'u' {
			r, n := unicodeEscape(d.b[i:])
			if n == 0 {
				return nil, fmt.Errorf("byte %d begins no valid \\u escape", i+1)
			}
			out, i = utf8.AppendRune(out, r), i+n
			continue
		}
		plain := unescape(d.b[i+1])
		if plain == 0 {
			return nil, fmt.Errorf("byte %d begins no valid escape", i+1)
		}
		out, i = append(out, plain), i+2
	}
	return nil, errJSONEnd
}

func unescape(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}

// unicodeEscape decodes \uXXXX, or two of them that are a surrogate pair, and
// returns how many bytes it took. A lone surrogate is U+FFFD.
func unicodeEscape(b []byte) (rune, int) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hex4(b[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// noteTime takes the record's event time from the field just read, if it is
// the best source so far.
func (r *row) noteTime(s *Shape) {
	f := r.fields[len(r.fields)-1]
	if f.slot == unlisted {
		return
	}
	if rank := s.slots[f.slot].rank; r.time.Betters(rank) {
		r.time.Note(rank, r.body[f.value:f.end])
	}
}
