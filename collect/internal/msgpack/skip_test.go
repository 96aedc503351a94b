package msgpack

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// samples holds a value of every family of the format.
func samples() [][]byte {
	long := strings.Repeat("x", 70_000)
	out := [][]byte{
		{0xc0}, {0x7f}, {0xe0}, {0xd7, 0, 1, 2, 3, 4, 5, 6, 7, 8}, {0xc7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8},
		msgp.AppendFloat32(nil, 1.5), msgp.AppendFloat64(nil, 1.5), msgp.AppendBool(nil, true),
		msgp.AppendArrayHeader(nil, 0), msgp.AppendMapHeader(nil, 0),
		bytes.Repeat([]byte{0x91}, 100_000), // 100,000 deep, and closed below
	}
	out[len(out)-1] = append(out[len(out)-1], 0xc0)
	for _, n := range []int64{-1, -33, -200, -40_000, -3_000_000_000, 200, 70_000, 5_000_000_000} {
		out = append(out, msgp.AppendInt64(nil, n))
	}
	for _, n := range []int{0, 31, 32, 255, 256, 65_535, 65_536} {
		out = append(out, msgp.AppendString(nil, long[:n]), msgp.AppendBytes(nil, []byte(long[:n])))
	}
	for _, n := range []uint32{1, 15, 16, 65_535, 65_536} {
		out = append(out,
			append(msgp.AppendArrayHeader(nil, n), bytes.Repeat([]byte{1}, int(n))...),
			append(msgp.AppendMapHeader(nil, n), bytes.Repeat([]byte{0xa0, 0xc2}, int(n))...))
	}
	return out
}

func TestEntryFindsTheEndOfEveryKindOfValue(t *testing.T) {
	for _, v := range samples() {
		n, err := Entry(append(bytes.Clone(v), "and more"...))
		if err != nil || n != len(v) {
			t.Errorf("Entry(%x…) = %d, %v; want %d", v[:min(len(v), 8)], n, err, len(v))
		}
	}
}

func TestSkipTakesUpWhereItStopped(t *testing.T) {
	for _, v := range samples() {
		step := len(v)/50 + 1
		pos, left, need := 0, uint64(1), uint64(1)
		for end := 0; left > 0; end += step {
			b := v[:min(end, len(v))]
			if uint64(len(b)) < need && end < len(v) {
				continue // need must never ask for more than there is
			}
			var err error
			if pos, left, need, err = Skip(b, pos, left); err != nil {
				t.Fatal(err)
			}
			if need > uint64(len(v)) {
				t.Fatalf("%x… needs %d of %d bytes", v[:min(len(v), 8)], need, len(v))
			}
		}
		if pos != len(v) {
			t.Errorf("%x…: stopped at %d of %d", v[:min(len(v), 8)], pos, len(v))
		}
	}
}

func TestSkipFindsOutHeadersThatPromiseTooMuch(t *testing.T) {
	for name, b := range map[string][]byte{
		"bin":           {0xc6, 0xff, 0xff, 0xff, 0xff},
		"str":           {0xdb, 0xff, 0xff, 0xff, 0xff},
		"ext":           {0xc9, 0xff, 0xff, 0xff, 0xff, 0},
		"array":         {0xdd, 0xff, 0xff, 0xff, 0xff},
		"map":           {0xdf, 0xff, 0xff, 0xff, 0xff},
		"nested arrays": bytes.Repeat([]byte{0xdd, 0xff, 0xff, 0xff, 0xff}, 1000),
	} {
		_, left, need, err := Skip(b, 0, 1)
		if err != nil || left == 0 || need < 1<<32-1 {
			t.Errorf("%s: left %d, need %d, %v", name, left, need, err)
		}
	}
}

func TestSkipRefusesTheByteThatIsNoMsgpack(t *testing.T) {
	if _, _, _, err := Skip([]byte{0x92, 0x01, 0xc1}, 0, 1); err == nil || !strings.Contains(err.Error(), "0xc1") {
		t.Errorf("err = %v", err)
	}
}

func FuzzSkipAgreesWithMsgp(f *testing.F) {
	for _, v := range samples() {
		if len(v) < 1000 {
			f.Add(v)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Entry(b)
		rest, want := msgp.Skip(b)
		if (err == nil) != (want == nil) {
			t.Fatalf("Entry: %v, msgp: %v", err, want)
		}
		if err == nil && n != len(b)-len(rest) {
			t.Fatalf("Entry = %d, msgp = %d", n, len(b)-len(rest))
		}
		if len(b) > 0 && err == nil && IsText(b[0]) {
			_ = Text(b[:n])
		}
	})
}

func BenchmarkCount(b *testing.B) {
	var entry []byte
	entry = msgp.AppendArrayHeader(entry, 2)
	entry = append(entry, 0xd7, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	entry = msgp.AppendMapHeader(entry, 12)
	for i := range 12 {
		entry = msgp.AppendString(entry, "key_name"[:4+i%4])
		entry = msgp.AppendString(entry, "a value of some length"[:i*2])
	}
	all := bytes.Repeat(entry, 1000)
	b.SetBytes(int64(len(all)))
	for b.Loop() {
		if Count(all) != 1000 {
			b.Fatal("wrong count")
		}
	}
}
