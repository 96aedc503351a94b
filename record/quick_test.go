package record

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// What quick reads it reads as the general way does.
func TestQuickValuesAreTheSame(t *testing.T) {
	var values [][]byte
	add := func(v []byte) { values = append(values, v) }
	r := rand.New(rand.NewPCG(1, 2))
	power := uint64(1)
	for range 20 {
		for _, u := range []uint64{power - 1, power, power + 1, r.Uint64N(power) + power} {
			add(msgp.AppendUint64(nil, u))
			add(msgp.AppendInt64(nil, -int64(u)))
			if u <= math.MaxUint32 {
				add([]byte{0xce, byte(u >> 24), byte(u >> 16), byte(u >> 8), byte(u)})
			}
			for places := 1.0; places <= 1e9; places *= 10 {
				add(msgp.AppendFloat64(nil, float64(u)/places))
			}
		}
		power *= 10
	}
	for u := range 1000 {
		add(msgp.AppendInt(nil, u))
		add([]byte{0xcc, byte(u)})
		add([]byte{0xcd, byte(u >> 8), byte(u)})
	}
	for _, v := range []float64{0, math.Copysign(0, -1), 1, 0.5, 1e-7, 1e8, 1e9, 0.1, 0.1 + 0.2, 1.0 / 3, 123456.789, 99999999.999999, math.MaxFloat64, -1.5} {
		add(msgp.AppendFloat64(nil, v))
	}
	for n := range 40 {
		text := strings.Repeat("x", n)
		add(msgp.AppendString(nil, text))
		for i := range n {
			for _, c := range "\"\\\x1f\x00\x7f é日!" {
				add(msgp.AppendString(nil, text[:i]+string(c)+text[i+1:]))
			}
			for _, bytes := range []string{"\xff", "\xc3", "\xe6\x97", "\xed\xa0\x80", "é\"", "日\\", "日\x1f", "\xc0\x80"} {
				add(msgp.AppendString(nil, text[:i]+bytes+text[i+1:]))
			}
		}
	}
	for _, text := range []string{"2026-11-23T05:30:00Z", "2026-11-23T05:30:00.123456Z", "2026-11-23T05:30:00.1234567Z", "2026-11-23 05:30:00Z"} {
		add(msgp.AppendString(nil, text))
	}
	for c := range 256 {
		add([]byte{byte(c), 0, 0, 0, 0, 0, 0, 0, 0, 0})
	}

	quick := 0
	for _, v := range values {
		for _, behind := range []string{"\x00", "\"", "\xff", "a"} {
			in := append(bytes.Clone(v), strings.Repeat(behind, quickBytes)...)
			out := make([]byte, quickBytes)
			read, wrote, kind := quickly(out, in)
			if kind == 0 {
				continue
			}
			quick++
			var other row // without room for the quick way
			d := msgpack{b: in}
			want, err := d.value(&other, 1)
			if kind >= ikada.KindTimestamp && int(other.longest) != wrote-2 {
				t.Fatalf("% x: %d bytes long, want %d", v, wrote-2, other.longest)
			}
			if err != nil || kind != want || read != d.i || string(out[:wrote]) != string(other.body) {
				t.Fatalf("% x: %s, %v, %d bytes read; the general way gives %s, %v, %d (%v)", v, out[:wrote], kind, read, other.body, want, d.i, err)
			}
		}
	}
	if quick < 10_000 {
		t.Errorf("only %d of %d values were read quickly", quick, 4*len(values))
	}
}

// A record reads the same wherever the quick way ends and the general one goes on.
func TestQuickRowsAreTheSame(t *testing.T) {
	text := strings.Repeat("y", 33)
	record := packed(t, "a", 1, "b", "two", "c", text, "d", 4.5, "e", nil, "f", object("g", "h", "n", 12, "o", "\u65e5\u672c", "", object("p", nil, "q", ""), "r", text, "s", 1.5), "i", true,
		"a_key_that_is_longer_than_thirty-two_bytes", "j", "k", "\u65e5\u672c", "l", 1234567890, "m", "")
	record[0]++ // and a key whose head is longer than it must be
	record = append(append(record, 0xdb, 0, 0, 0, 28), "a_key_of_twenty-eight_bytes.\x01"...)
	entries := bytes.Repeat(entry([]byte{0xce, 0x69, 0x22, 0x9d, 0x00}, record), 3)
	for pad := range 2 * quickBytes { // behind the last record, to be read as another entry
		s := newSet()
		padded := append(bytes.Clone(entries), entry([]byte{1}, packed(t, "p", strings.Repeat("z", pad)))...)
		part := &batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: padded}
		if rows, bad := s.Part(part); rows != 4 || bad != 0 {
			t.Fatalf("%d rows, %d of them bad", rows, bad)
		}
		var first string
		for i, line := range strings.Split(s.text("t"), "\n")[:3] {
			_, body, _ := strings.Cut(line, `","a":`)
			if i == 0 {
				first = body
			} else if body != first {
				t.Fatalf("row %d is %s, the first is %s", i, body, first)
			}
		}
	}
}

// The greatest length of a field's strings counts nested ones and their keys,
// and not those of the field before, in rows that are read quickly, too.
func TestQuickRowsNoteLengths(t *testing.T) {
	record := packed(t, "text", strings.Repeat("y", 40), "value", object("k", strings.Repeat("z", 20)),
		"key", object("key_of_seventeen_b", "z"), "int", object("k", 1), "pad", strings.Repeat("y", quickBytes))
	part := &batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: bytes.Repeat(entry([]byte{1}, record), 3)}
	s := newSet()
	for range 2 { // all keys of the second are known
		s.Reset()
		if rows, bad := s.Part(part); rows != 3 || bad != 0 {
			t.Fatalf("%d rows, %d of them bad", rows, bad)
		}
		want := map[string]uint32{"text": 40, "value": 20, "key": 18, "int": 1, "pad": quickBytes}
		for _, f := range s.Sources()[0].Fields {
			if f.MaxBytes != want[f.Name] {
				t.Errorf("%s has %d bytes at most, want %d", f.Name, f.MaxBytes, want[f.Name])
			}
		}
	}
}
