package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"
)

// A peer's file counts as right only with all events, whole.
func TestAPeersEventsAreCounted(t *testing.T) {
	record := func(number protowire.Number, inner ...[]byte) (out []byte) {
		for _, one := range inner {
			out = protowire.AppendBytes(protowire.AppendTag(out, number, protowire.BytesType), one)
		}
		return out
	}
	messages := map[string][]byte{
		"json": []byte(`{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"body":{}},{"body":{}}]},{"logRecords":[{}]}]}]}`),
		// Each level has another field before the one that counts.
		"proto": record(1, append(record(1, nil), append(record(2, record(2, []byte{8, 1}, []byte{8, 2})), record(2, append(record(1, nil), record(2, nil)...))...)...)),
	}
	for _, p := range peers {
		one := messages[p.format]
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		var data []byte
		for range 2 {
			frame := z.EncodeAll(one, nil)
			data = append(binary.BigEndian.AppendUint32(data, uint32(len(frame))), frame...)
		}
		file := filepath.Join(t.TempDir(), "events")
		for _, try := range []struct {
			data []byte
			want int
			ok   bool
		}{{data, 6, true}, {data, 5, false}, {data, 7, false}, {data[:len(data)-1], 6, false}, {nil, 6, false}} {
			if err := os.WriteFile(file, try.data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := checkOTLP(file, p.count, try.want); (err == nil) != try.ok {
				t.Errorf("%s: %d bytes, %d events wanted: %v", p.name, len(try.data), try.want, err)
			}
		}
	}
}
