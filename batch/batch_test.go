package batch

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/ikada-io/ikada"
)

func collect(data []byte) (parts []Part, err error) {
	for p, e := range Parts(data) {
		if e != nil {
			return parts, e
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func TestPartsComeBack(t *testing.T) {
	want := []Part{
		{Tag: "app.access", Format: Msgpack, Key: Key{1}, Arrival: 1795392000e9, Origin: "forward 127.0.0.1:1", Payload: []byte("abc")},
		{Tag: "", Format: JSON, Key: Key{2}, Arrival: -1, Payload: nil},
		{Tag: "日本語", Format: Bad, Key: Key{255}, Payload: AppendBad(nil, "broken", 2, 3, []byte{0, 1})},
	}
	var data []byte
	for i := range want {
		before := len(data)
		data = Append(data, &want[i])
		if added := len(data) - before - len(want[i].Payload) - len(want[i].Tag) - len(want[i].Origin); added > MaxOverhead {
			t.Errorf("part %d adds %d bytes", i, added)
		}
	}
	got, err := collect(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if len(got[i].Payload) == 0 {
			got[i].Payload = nil
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	reason, i, n, raw, err := ParseBad(got[2].Payload)
	if err != nil || reason != "broken" || i != 2 || n != 3 || !bytes.Equal(raw, []byte{0, 1}) {
		t.Errorf("bad part: %q %d/%d %v %v", reason, i, n, raw, err)
	}
}

func TestCutBatchIsAnError(t *testing.T) {
	p := Part{Tag: "t", Format: JSON, Origin: "o", Payload: []byte("{}")}
	data := Append(Append(nil, &p), &p)
	half := (len(data) - 1) / 2
	for n := range data {
		got, err := collect(data[:n])
		if whole := n == 1 || n == 1+half; whole != (err == nil) {
			t.Errorf("%d bytes: %d parts, %v", n, len(got), err)
		}
	}
	if _, err := collect([]byte{99}); !errors.Is(err, ikada.ErrVersion) {
		t.Errorf("unknown version: %v", err)
	}
}

func TestKeysDiffer(t *testing.T) {
	seen := map[Key]bool{}
	for _, k := range []Key{
		KeyOf("t", []byte("c"), []byte("p"), 0), KeyOf("t", []byte("c"), []byte("p"), 1), KeyOf("t", []byte("c"), []byte("q"), 0),
		KeyOf("t", []byte("d"), []byte("p"), 0), KeyOf("u", []byte("c"), []byte("p"), 0), KeyOf("t", []byte("cp"), nil, 0),
	} {
		if seen[k] {
			t.Error("two keys are the same")
		}
		seen[k] = true
	}
	if !seen[KeyOf("t", []byte("c"), []byte("p"), 0)] {
		t.Error("one part has two keys")
	}
}

func FuzzParts(f *testing.F) {
	f.Add(Append(nil, &Part{Tag: "t", Format: JSON, Payload: []byte("{}")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		parts, err := collect(data)
		if err != nil || len(parts) == 0 {
			return
		}
		var again []byte
		for i := range parts {
			again = Append(again, &parts[i])
			_, _, _, _, _ = ParseBad(parts[i].Payload)
		}
		if got, err := collect(again); err != nil || !reflect.DeepEqual(got, parts) {
			t.Fatalf("%v: %+v became %+v", err, parts, got)
		}
	})
}
