package quarantine

import (
	"bytes"
	"testing"

	"github.com/tinylib/msgp/msgp"
	"golang.org/x/text/encoding/japanese"

	"github.com/ikada-io/ikada/batch"
)

func TestPartID(t *testing.T) {
	for _, c := range []struct {
		first string
		k     int64
		want  string
	}{
		{"k3j9x2ab0-1f4c-2a", 0, "k3j9x2ab0-1f4c-2a"}, {"k3j9x2ab0-1f4c-2a", 1, "k3j9x2ab0-1f4c-2b"},
		{"k3j9x2ab0-1f4c-z", 1, "k3j9x2ab0-1f4c-10"}, {"k3j9x2ab0-1f4c-2a-q0", 36, "k3j9x2ab0-1f4c-2a-q10"}, {"odd!", 3, "odd!"},
	} {
		if got := partID(c.first, c.k); got != c.want {
			t.Errorf("%s + %d: got %s, want %s", c.first, c.k, got, c.want)
		}
	}
}

func TestReadableFindsTheFormat(t *testing.T) {
	sjis, err := japanese.ShiftJIS.NewEncoder().Bytes([]byte("表示"))
	if err != nil {
		t.Fatal(err)
	}
	entry := func(text []byte) []byte {
		b := msgp.AppendMapHeader(msgp.AppendInt64(msgp.AppendArrayHeader(nil, 2), 1_700_000_000), 2)
		return msgp.AppendFloat64(msgp.AppendString(msgp.AppendStringFromBytes(msgp.AppendString(b, "s"), text), "n"), 1.5)
	}
	for name, c := range map[string]struct {
		data    []byte
		charset string
		format  batch.Format
		good    bool
	}{
		"JSON":                        {[]byte(` {"a":1}`), "", batch.JSON, true},
		"a broken line":               {[]byte(`{"a":`), "", batch.JSON, false},
		"an entry in JSON":            {[]byte(`[1700000000,{"a":1}]`), "", batch.JSONEntries, true},
		"an entry":                    {entry([]byte("表示")), "", batch.Msgpack, true},
		"an entry in Shift_JIS":       {entry(sjis), "", batch.Msgpack, false},
		"the same with its charset":   {entry(sjis), "shift_jis", batch.Msgpack, true},
		"a line in Shift_JIS":         {append(append([]byte(`{"s":"`), sjis...), `"}`...), "shift_jis", batch.JSON, true},
		"another charset than it has": {append(append([]byte(`{"s":"`), 0xff, 0xfe), `"}`...), "shift_jis", batch.JSON, false},
		"nothing":                     {nil, "", 0, false},
	} {
		decode, err := decoder(c.charset)
		if err != nil {
			t.Fatal(err)
		}
		format, data, err := readable("a", c.data, decode)
		if (err == nil) != c.good || c.good && format != c.format {
			t.Errorf("%s: got format %d, %v", name, format, err)
		}
		if c.good && c.charset != "" && !bytes.Contains(data, []byte("表示")) {
			t.Errorf("%s: got %q", name, data)
		}
	}
	if _, err := decoder("klingon"); err == nil {
		t.Error("an unknown charset was taken")
	}
}

// Recoding plain ASCII changes nothing, whatever the bytes are otherwise.
func FuzzRecode(f *testing.F) {
	f.Add(msgp.AppendString(msgp.AppendArrayHeader(nil, 2), "a"))
	f.Add([]byte{0x81, 0xa1, 'k', 0x93, 1, 2, 0xc3})
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := decoder("shift_jis")
		if err != nil {
			t.Fatal(err)
		}
		out, err := recode(d, batch.Msgpack, data)
		if err == nil && len(data) > 0 && len(out) == 0 {
			t.Errorf("%x became nothing", data)
		}
	})
}
