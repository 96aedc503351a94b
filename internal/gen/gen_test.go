package gen

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada"
)

// entry reads a Forward entry with a library.
func entry(t *testing.T, b []byte) (at time.Time, record map[string]any, rest []byte) {
	t.Helper()
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || n != 2 {
		t.Fatalf("entry has %d elements: %v", n, err)
	}
	ext := msgp.RawExtension{Type: 0}
	if b, err = msgp.ReadExtensionBytes(b, &ext); err != nil || len(ext.Data) != 8 {
		t.Fatalf("time is %v: %v", ext, err)
	}
	at = time.Unix(int64(binary.BigEndian.Uint32(ext.Data)), int64(binary.BigEndian.Uint32(ext.Data[4:]))).UTC()
	record, rest, err = msgp.ReadMapStrIntfBytes(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return at, record, rest
}

// line reads a JSON record, integers as int64.
func line(t *testing.T, b []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var record map[string]any
	if err := dec.Decode(&record); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return canonical(record).(map[string]any)
}

// canonical gives values that are equal the same Go type.
func canonical(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case uint64:
		return int64(v)
	case map[string]any:
		for k := range v {
			v[k] = canonical(v[k])
		}
	case []any:
		for i := range v {
			v[i] = canonical(v[i])
		}
	}
	return v
}

func TestBothFormsAreTheSameRecord(t *testing.T) {
	g := New(1, Options{})
	seen := map[string]bool{}
	for i := range 20_000 {
		_, packed, rest := entry(t, g.AppendEntry(nil, i))
		text := g.AppendJSON(nil, i)
		if got := canonical(packed); len(rest) != 0 || !reflect.DeepEqual(got, any(line(t, text))) {
			t.Fatalf("event %d: msgpack %v, JSON %s, %d bytes over", i, got, text, len(rest))
		}
		if packed["seq"] != int64(i) || text[len(text)-1] != '\n' || bytes.Count(text, []byte("\n")) != 1 {
			t.Fatalf("event %d is %s", i, text)
		}
		seen[g.Type(i)] = true
	}
	if len(seen) != 30 || len(g.Types()) != 30 {
		t.Errorf("%d log types were made of %d", len(seen), len(g.Types()))
	}
}

func TestEventsDependOnSeedAndNumberAlone(t *testing.T) {
	opts := Options{Events: 5000}
	a, b, other := New(7, opts), New(7, opts), New(8, opts)
	forward := make([][]byte, 5000)
	for i := range forward {
		forward[i] = a.AppendEntry(nil, i)
	}
	var wg sync.WaitGroup
	for half := range 2 { // in another order, side by side
		wg.Go(func() {
			for i := 4999 - half; i >= 0; i -= 2 {
				if !bytes.Equal(b.AppendEntry(nil, i), forward[i]) {
					t.Errorf("event %d differs", i)
					return
				}
			}
		})
	}
	wg.Wait()
	same := 0
	for i := range forward {
		if bytes.Equal(other.AppendEntry(nil, i), forward[i]) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d events are the same under another seed", same)
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	g := New(1, Options{})
	for i := range 200 {
		if got := g.AppendJSON([]byte("x{"), i); !bytes.Equal(got[2:], g.AppendJSON(nil, i)) || string(got[:2]) != "x{" {
			t.Fatalf("got %s", got)
		}
		if got := g.AppendEntry([]byte("x"), i); !bytes.Equal(got[1:], g.AppendEntry(nil, i)) {
			t.Fatalf("event %d differs behind another", i)
		}
	}
}

func TestEventsLookAsPromised(t *testing.T) {
	const n = 50_000
	g := New(3, Options{Events: n})
	var size, fields, nested, japanese, nulls, lists int
	keys := map[string]string{}
	for i := range n {
		text := g.AppendJSON(nil, i)
		record := line(t, text)
		size += len(text)
		fields += len(record)
		if strings.ContainsFunc(string(text), func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }) {
			japanese++
		}
		for _, v := range record {
			switch v.(type) {
			case map[string]any:
				nested++
			case nil:
				nulls++
			case []any:
				lists++
			}
		}
		order := strings.Join(keyOrder(t, text), ",")
		if known, ok := keys[g.Type(i)]; ok && known != order {
			t.Fatalf("%s has keys %s and %s", g.Type(i), known, order)
		}
		keys[g.Type(i)] = order
	}
	within := func(what string, got, low, high float64) {
		if got < low || got > high {
			t.Errorf("%s: %.2f, want %.2f to %.2f", what, got, low, high)
		}
	}
	within("bytes an event", float64(size)/n, 255, 285)
	within("fields an event", float64(fields)/n, 11.5, 12.5)
	within("nested objects an event", float64(nested)/n, 0.95, 1.05)
	within("share with Japanese", float64(japanese)/n, 0.1, 0.5)
	within("nulls an event", float64(nulls)/n, 0.1, 1.5)
	within("lists an event", float64(lists)/n, 0.05, 0.5)
	for _, want := range []string{"path", "status", "method", "latency"} {
		if !slices.Contains(strings.Split(keys["app.access"], ","), want) {
			t.Errorf("app.access has no %s but %s", want, keys["app.access"])
		}
	}
}

func keyOrder(t *testing.T, text []byte) (keys []string) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	depth, isKey := 0, false
	for dec.More() || depth > 0 {
		token, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch d, isDelim := token.(json.Delim); {
		case isDelim && (d == '{' || d == '['):
			depth++
			isKey = depth == 1
			continue
		case isDelim:
			depth--
		case depth == 1 && isKey:
			keys = append(keys, token.(string))
			isKey = false
			continue
		}
		isKey = depth == 1
		if depth == 0 {
			break
		}
	}
	return keys
}

func TestLogTypesAreSkewed(t *testing.T) {
	const n = 200_000
	g := New(5, Options{})
	totals := g.Totals(0, n)
	counts := make([]int64, 0, 30)
	for _, name := range g.Types() {
		counts = append(counts, totals[name].Count)
	}
	if first := float64(counts[0]) / n; first < 0.25 || first > 0.35 {
		t.Errorf("the most frequent type has %.3f of the events", first)
	}
	if last := float64(counts[29]) / n; last < 0.004 || last > 0.012 {
		t.Errorf("the rarest type has %.4f of the events", last)
	}
	if ratio := float64(counts[0]) / float64(counts[1]); ratio < 1.9 || ratio > 2.4 {
		t.Errorf("the first type has %.2f times the events of the second, want about 2^1.1", ratio)
	}
}

func TestTimesFillTheSpan(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	g := New(1, Options{Events: 10_000, Start: start, Span: 3 * time.Hour})
	hours := map[ikada.Hour]int{}
	for i := range 10_000 {
		at, _, _ := entry(t, g.AppendEntry(nil, i))
		if at.Before(start) || !at.Before(start.Add(3*time.Hour)) {
			t.Fatalf("event %d is at %v", i, at)
		}
		hours[ikada.HourOf(at)]++
	}
	if len(hours) != 3 || slices.Min(slices.Collect(maps.Values(hours))) < 3300 {
		t.Errorf("events an hour: %v", hours)
	}
}

func TestLiveEventsHappenNow(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 123456789, time.UTC)
	live := New(1, Options{Live: true, Now: func() time.Time { return now }})
	past := New(1, Options{})
	for i := range 1000 {
		if at, _, _ := entry(t, live.AppendEntry(nil, i)); !at.Equal(now) {
			t.Fatalf("event %d is at %v", i, at)
		}
	}
	if !reflect.DeepEqual(live.Totals(0, 1000), past.Totals(0, 1000)) {
		t.Error("totals depend on the clock")
	}
}

func TestChunksHoldEveryEventOnceAndAddUpToTotals(t *testing.T) {
	const from, to, size = 100, 30_100, 700
	g := New(9, Options{})
	got, partial := map[string]Total{}, map[string]int{}
	add := func(tag string, record map[string]any) {
		sum := got[tag]
		sum.Count++
		sum.Checksum += record["checksum"].(int64)
		sum.Seq += record["seq"].(int64)
		got[tag] = sum
	}
	for c := range g.Chunks(from, to, size) {
		rest := c.Entries
		for range c.N {
			var record map[string]any
			_, record, rest = entry(t, rest)
			add(c.Tag, canonical(record).(map[string]any))
		}
		if c.N < size {
			partial[c.Tag]++
		}
		if len(rest) != 0 || c.N > size || partial[c.Tag] > 1 {
			t.Fatalf("chunk of %s: %d events, %d bytes over, %d partial ones", c.Tag, c.N, len(rest), partial[c.Tag])
		}
	}
	want := g.Totals(from, to)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("msgpack: got %v, want %v", got, want)
	}
	clear(got)
	for c := range g.Lines(from, to, size) {
		for text := range bytes.Lines(c.Entries) {
			add(c.Tag, line(t, text))
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("JSON: got %v, want %v", got, want)
	}
	for c := range g.Chunks(from, to, size) { // a caller may stop early
		if c.N != size {
			t.Errorf("the first chunk has %d events", c.N)
		}
		break
	}
}

func TestChecksumFollowsTheContent(t *testing.T) {
	g := New(1, Options{})
	seen := map[int64]int{}
	for i := range 10_000 {
		c := line(t, g.AppendJSON(nil, i))["checksum"].(int64)
		if c < 0 || c >= 1<<checksumBits {
			t.Fatalf("checksum %d", c)
		}
		seen[c]++
	}
	if len(seen) < 9_990 {
		t.Errorf("only %d checksums of 10,000 events differ", len(seen))
	}
}

func TestMakingEventsDoesNotAllocate(t *testing.T) {
	g := New(1, Options{})
	buf := make([]byte, 0, 4096)
	i := 0
	if n := testing.AllocsPerRun(2000, func() {
		buf = g.AppendEntry(buf[:0], i)
		buf = g.AppendJSON(buf[:0], i)
		i++
	}); n != 0 {
		t.Errorf("%.1f allocations an event", n)
	}
}

func BenchmarkAppendEntry(b *testing.B) {
	g := New(1, Options{})
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		buf = g.AppendEntry(buf[:0], i)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkAppendJSON(b *testing.B) {
	g := New(1, Options{})
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		buf = g.AppendJSON(buf[:0], i)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
