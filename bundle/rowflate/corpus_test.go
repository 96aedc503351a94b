package rowflate_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/internal/gen"
	"github.com/ikada-io/ikada/record"
)

// traffic returns the rows of so many generated events, by log type and hour.
func traffic(events int) (all [][]byte) {
	set := record.NewSet(nil)
	lane := ikada.Lane{Stream: "main", Incarnation: "k3j9x2ab", Shard: 3}
	message := 0
	for c := range gen.New(1, gen.Options{Events: events}).Chunks(0, events, 50) {
		message++
		set.Message(lane, ikada.Position(fmt.Sprintf("%020d", message)))
		set.Part(&batch.Part{Tag: c.Tag, Format: batch.Msgpack, Arrival: 1795411800e9, Payload: c.Entries})
	}
	for _, s := range set.Sources() {
		raw, err := bundle.Inflate(s.Extent, s.Pieces...)
		if err != nil {
			panic(err)
		}
		all = append(all, raw)
	}
	return all
}

// cut cuts rows into segments of about size bytes, and leaves out what is much
// smaller.
func cut(all [][]byte, size int) (segments [][]byte) {
	for _, raw := range all {
		for len(raw) > 0 {
			n := len(raw)
			if n > size {
				n = bytes.LastIndexByte(raw[:size], '\n') + 1
			}
			if n >= size*3/4 {
				segments = append(segments, raw[:n])
			}
			raw = raw[n:]
		}
	}
	return segments
}

// texts returns rows of free text, which repeat words at any place.
func texts(n int) (raw []byte) {
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 3000)
	for i := range words {
		word := make([]byte, 2+r.IntN(9))
		for j := range word {
			word[j] = "eeeaaoitnshrdlucmfwy"[r.IntN(20)]
		}
		words[i] = string(word)
	}
	for i := range n {
		raw = fmt.Appendf(raw, `{"_id":"k3j9x2ab3-1-%d","text":"`, i)
		for range 40 {
			raw = append(append(raw, words[int(r.ExpFloat64()*300)%len(words)]...), ' ')
		}
		raw = append(raw, "\"}\n"...)
	}
	return raw
}

// oddities are inputs at the edges of what the encoder does.
func oddities() map[string][]byte {
	r := rand.New(rand.NewPCG(3, 4))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	all := map[string][]byte{
		"nothing": {}, "one byte": {'x'}, "a newline": {'\n'}, "a short row": []byte("{}\n"),
		"a row without its newline": []byte(`{"_id":"k3j9x2ab3-1-0","a":1,"b":"two"}`),
		"16 bytes":                  []byte("0123456789abcdef"), "17 bytes": []byte("0123456789abcdefg"),
		"zeros": make([]byte, 1<<20), "one letter": bytes.Repeat([]byte{'x'}, 300_000), "punctuation": bytes.Repeat([]byte{','}, 100_003),
		"two letters": bytes.Repeat([]byte("ab"), 70_000), "a period of 259": bytes.Repeat(random(259), 500),
		"a period of the window":      bytes.Repeat(random(1<<15), 5),
		"a period beyond the window":  bytes.Repeat(random(1<<15+1), 5),
		"a period of twice as much":   bytes.Repeat(random(1<<16), 4),
		"random bytes":                random(200_000),
		"few random bytes":            random(100),
		"random bytes, the same rows": append(random(70_000), bytes.Repeat([]byte(`{"key":"value","other":1}`+"\n"), 5000)...),
		"all bytes":                   bytes.Repeat(everyByte(), 30),
		"free text":                   texts(1000),
	}
	var columns, long, values []byte
	for i := range 60 {
		columns = append(columns, '{')
		for c := range 1000 {
			columns = fmt.Appendf(columns, `"field_%d":%d,`, c, r.IntN(1000))
		}
		columns = append(columns, fmt.Sprintf("\"end\":%d}\n", i)...)
	}
	for i := range 30 {
		long = fmt.Appendf(long, "{\"_id\":%d,\"text\":%q}\n", i, strings.Repeat(fmt.Sprint("long ", i%3), 6000+i))
	}
	for i := range 300 {
		values = fmt.Appendf(values, "{\"_id\":%d,\"a\":%q,\"b\":%q}\n", i, strings.Repeat("v", 250+i%20), strings.Repeat("日本語", 80+i%9))
	}
	all["1,000 columns"], all["rows over 32 KiB"], all["values over 258 bytes"] = columns, long, values
	// Matches that end at each length about the limits of one and of several.
	for _, n := range []int{3, 4, 5, 10, 11, 256, 257, 258, 259, 260, 261, 262, 515, 516, 517, 8255, 8256, 8257, 8258} {
		value := random(n)
		all[fmt.Sprint("a match of ", n)] = bytes.Join([][]byte{[]byte("...,"), value, []byte(",-,"), value, []byte("A,"), value, []byte("B, and an end of sixteen")}, nil)
	}
	return all
}

func everyByte() (b []byte) {
	for i := range 256 {
		b = append(b, byte(i))
	}
	return b
}
