package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// object encodes a map whose keys come in this order.
func object(kv ...any) msgp.Raw {
	b := msgp.AppendMapHeader(nil, uint32(len(kv)/2))
	for i, v := range kv {
		if raw, ok := v.(msgp.Raw); ok {
			b = append(b, raw...)
		} else if i%2 == 0 && v == "bin" {
			b = msgp.AppendBytes(b, []byte("bin"))
		} else {
			b, _ = msgp.AppendIntf(b, v)
		}
	}
	return b
}

// Rows of objects whose keys were predicted, rightly or wrongly, are those of
// objects that nothing was known of.
func TestNestedKeysArePredictedWithoutAnyEffect(t *testing.T) {
	long := strings.Repeat("k", 100)
	shapes := []msgp.Raw{
		object("a", object("id", 1, "name", "x"), "b", object("id", 2, "size", 3)),
		object("a", object("name", "x", "id", 1), "b", object("id", 2, "size", 3, "id", 4)),
		object("a", object("id", 1, "in", object("id", 2, "name", object("id", 3))), "b", object()),
		object("a", object("ids", 1, "i", 2, "", 3, long, 4, `q"\`, 5, "日本", 6, "nul\x00", 7, "bin", 8, 9, 10)),
		object("a", object(long+"x", 1, long, object("id", 2))),
		object("a", msgp.Raw(append(append([]byte{0x93}, object("id", 1, "name", 2)...), append(object("name", 1), object("id", 1, "in", object("id", 2))...)...))),
	}
	for i := range 3 * maxNested { // keys that are data
		shapes = append(shapes, object("a", object(fmt.Sprint("user", i), i, "id", object("x", i))))
	}
	part := func(record msgp.Raw) *batch.Part {
		return &batch.Part{Tag: "t", Format: batch.Msgpack, Arrival: arrival.UnixNano(), Payload: entry(ext8(noon, 0), record)}
	}
	warm, fields := newSet(), func(s *Set, record msgp.Raw) (string, []ikada.Field) {
		s.Message(lane, "00000000000000000042")
		if rows, bad := s.Part(part(record)); rows != 1 || bad != 0 {
			t.Fatalf("%d rows, %d of them quarantined", rows, bad)
		}
		src := s.Sources()
		return s.text("t"), src[0].Fields
	}
	for round := range 3 {
		for i, record := range shapes {
			warm.Reset()
			got, gotFields := fields(warm, record)
			want, wantFields := fields(newSet(), record)
			if got != want {
				t.Fatalf("round %d, record %d:\n%s, where nothing is known:\n%s", round, i, got, want)
			}
			if fmt.Sprint(gotFields) != fmt.Sprint(wantFields) {
				t.Fatalf("round %d, record %d: observed %v, where nothing is known %v", round, i, gotFields, wantFields)
			}
		}
	}
	if n := len(warm.row.nested.keys); n > 2*maxNested {
		t.Errorf("%d keys are remembered", n)
	}
}
