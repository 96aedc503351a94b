package lambdas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/internal/producers"
	"github.com/ikada-io/ikada/manifest"
)

// memorySize is that of the functions, in MB as Lambda counts, which has a part
// of it itself.
const (
	memorySize  = 512
	memoryLimit = (memorySize - 32) << 20
)

// lambdaOf runs a function as Lambda does with that memory.
func (c *cloud) lambdaOf(t *testing.T, name string) *awstest.Lambda {
	t.Helper()
	return awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-"+name), append(c.env, fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", memorySize))...)
}

func wantMemory(t *testing.T, what string, f *awstest.Lambda) {
	t.Helper()
	cpu, peak, err := f.Usage()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: peak %d MiB, %v of CPU time", what, peak>>20, cpu)
	if peak > memoryLimit || f.Starts() != 1 {
		t.Errorf("%s: the process had %d MiB, want at most %d; %d cold starts", what, peak>>20, memoryLimit>>20, f.Starts())
	}
}

// What a routing run holds is bounded by its plans, not by what waits.
func TestRouteKeepsToItsMemoryWhateverWaits(t *testing.T) {
	for name, backlog := range map[string]func(t *testing.T, c *cloud) (rows int64){
		"large segments that hardly shrink": func(t *testing.T, c *cloud) int64 { return c.backlog(t, 32, 4, 4, 60_000) },
		"small segments with many fields":   func(t *testing.T, c *cloud) int64 { return c.backlog(t, 50, 250, 100, 8) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			rows := backlog(t, c)
			f := c.lambdaOf(t, "route")
			answer, err := f.Invoke(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			var routed Routed
			if err := json.Unmarshal(answer, &routed); err != nil || routed.Plans < 2 {
				t.Errorf("answer %s, %v: want several plans", answer, err)
			}
			wantMemory(t, name, f)
			if got := c.manifestRows(t); got != rows {
				t.Errorf("%d rows are in manifests, want %d", got, rows)
			}
		})
	}
}

// backlog has the function buffer make bundles, each of an event for some log
// types and four hours, of so many fields with values of size bytes.
func (c *cloud) backlog(t *testing.T, bundles, types, fields, size int) (rows int64) {
	t.Helper()
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	random := rand.NewChaCha8([32]byte{})
	value := make([]byte, size)
	var data [][]byte // the same in all bundles
	for i := range types * 4 {
		at := time.Now().Add(-time.Duration(i%4) * time.Hour)
		event := fmt.Appendf(nil, `{"tag":"app.%d","time":%d`, i/4, at.Unix())
		for k := range fields {
			_, _ = random.Read(value)
			for n := range value {
				value[n] = letters[value[n]%64]
			}
			event = fmt.Appendf(event, `,"field_%d":"%s"`, k, value)
		}
		data = append(data, append(event, '}'))
	}
	// It is encoded once: the batches differ by the numbers of their records.
	const numbers = "361571"
	batch, err := json.Marshal(awstest.BatchOf("logs", "shardId-000000000000", 1, data...))
	if err != nil {
		t.Fatal(err)
	}
	f := c.lambdaOf(t, "buffer")
	for n := range bundles {
		event := bytes.ReplaceAll(batch, []byte(numbers+"000000"), fmt.Appendf(nil, numbers+"%06d", n))
		if _, err := f.Invoke(t.Context(), json.RawMessage(event)); err != nil {
			t.Fatal(err)
		}
	}
	return int64(bundles * len(data))
}

// manifestRows sums the rows of all manifests.
func (c *cloud) manifestRows(t *testing.T) (rows int64) {
	t.Helper()
	for info, err := range c.manifest.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := c.manifest.Get(t.Context(), info.Key, 0, -1, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := manifest.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		rows += m.Ikada.Rows
	}
	return rows
}

// Records that inflate to far more than a batch may hold do not go beyond the
// memory either: a function that dies of a batch would never come behind it.
func TestBufferKeepsToItsMemory(t *testing.T) {
	c := newCloud(t)
	f := c.lambdaOf(t, "buffer")
	for shard, event := range []string{
		`{"tag":"type.%d","seq":%d,"path":"/items","message":"the same words again and again and again and again and again"}` + "\n",
		`{"tag":"t%d","n":%d}` + "\n", // rows are several times as long
	} {
		var text []byte
		events := 0
		for ; len(text) < maxInflated-1000 && events < maxEvents; events++ {
			text = fmt.Appendf(text, event, events%30, events)
		}
		record := producers.FluentBitZstd(text)
		batch := records(shard, 0, max(1, 5_900_000*3/4/len(record))-1)
		for i := range batch.Records {
			batch.Records[i].Kinesis.Data = record
		}
		if _, err := f.Invoke(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		wantMemory(t, fmt.Sprintf("%d records of %d KB, each of them %d events in %d MiB", len(batch.Records), len(record)/1000, events, len(text)>>20), f)
	}
}
