package pipeline

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	bucketfault "github.com/ikada-io/ikada/bucket/fault"
	membucket "github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/buffer"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/route"
	"github.com/ikada-io/ikada/stream"
	streamfault "github.com/ikada-io/ikada/stream/fault"
	memstream "github.com/ikada-io/ikada/stream/mem"
	"github.com/ikada-io/ikada/warehouse"
	warehousefault "github.com/ikada-io/ikada/warehouse/fault"
	memwarehouse "github.com/ikada-io/ikada/warehouse/mem"
)

// world is what survives a process.
type world struct {
	stream                     stream.Stream
	buffer, archive, manifests bucket.Bucket
	warehouse                  *memwarehouse.Warehouse
}

// newWorld returns a world whose stream holds n events of three log types in
// chunks, some of which were sent twice.
func newWorld(t *testing.T, n int) *world {
	w := &world{stream: memstream.New(memstream.Options{}), buffer: membucket.New(), archive: membucket.New(), manifests: membucket.New()}
	w.warehouse = memwarehouse.New(w.archive)
	const size = 10
	for first := 0; first < n; first += size {
		var lines []byte
		for seq := first; seq < first+size; seq++ {
			lines = fmt.Appendf(lines, `{"seq":%d,"drift":%s}`+"\n", seq, []string{"1", `"text"`, "null", "{}"}[first/size%4])
		}
		id := fmt.Append(nil, first)
		data := batch.Append(nil, &batch.Part{
			Tag: fmt.Sprintf("type.%d", first/size%3), Format: batch.JSON, Key: batch.KeyOf("", id, lines, 0),
			Arrival: time.Now().UnixNano(), Origin: "test", Payload: lines,
		})
		for range 1 + first/size%2 {
			if err := w.stream.Append(t.Context(), first/size%3%2, data); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

// process runs all stages once over the world, failing as the faults say, and
// ends when they are done or the process is dead.
func (w *world) process(ctx context.Context, f *faults) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.kill = cancel
	buf, archive, manifests := f.bucket(w.buffer), f.bucket(w.archive), f.bucket(w.manifests)
	wh := warehousefault.New(w.warehouse, f.warehouse)

	stage := buffer.New(streamfault.Wrap(w.stream, f.stream), buf, buffer.Options{BundleSize: 1500, Backoff: time.Millisecond})
	stage.Drain()
	err := stage.Run(ctx)
	if err == nil {
		router := route.New(buf, archive, manifests, route.Options{MaxBytes: 1500})
		_, err = router.Once(ctx)
	}
	if err == nil {
		err = load.New(buf, manifests, wh, load.Options{MaxManifests: 3, Parallel: 1}).Once(ctx)
	}
	return err
}

// faults makes the n-th change of any kind, to the stream, a bucket or the
// warehouse, go wrong.
type faults struct {
	n, at   int64
	process *bucketfault.Process
	crash   bool // the process dies; otherwise the call just fails
	after   bool // the change is made nevertheless
	kill    context.CancelFunc
}

// hit counts a change and reports whether it is the one.
func (f *faults) hit() bool { return f.at > 0 && atomic.AddInt64(&f.n, 1) == f.at }

func (f *faults) dead() bool { return f.process.Crashed() }

func (f *faults) die() {
	f.process.Crash()
	f.kill()
}

func (f *faults) bucket(b bucket.Bucket) bucket.Bucket {
	return bucketfault.New(b, bucketfault.Options{Process: f.process, Hook: func(op bucketfault.Op, _ string) bucketfault.Outcome {
		if !op.IsWrite() || !f.hit() {
			return bucketfault.Pass
		}
		if f.crash {
			defer f.kill()
		}
		return map[[2]bool]bucketfault.Outcome{
			{false, false}: bucketfault.FailBefore, {false, true}: bucketfault.FailAfter,
			{true, false}: bucketfault.CrashBefore, {true, true}: bucketfault.CrashAfter,
		}[[2]bool{f.crash, f.after}]
	}})
}

func (f *faults) stream(op streamfault.Op, _ int) streamfault.Outcome {
	switch {
	case f.dead():
		return streamfault.CrashBefore
	case op != streamfault.Trim || !f.hit():
		return streamfault.Pass
	case f.crash:
		defer f.die()
	}
	if f.after {
		return streamfault.FailAfter
	}
	return streamfault.FailBefore
}

func (f *faults) warehouse(c warehousefault.Call) warehousefault.Outcome {
	switch {
	case f.dead():
		return warehousefault.CrashBefore
	case c.Op != "Load" && c.Op != "Extend" || !f.hit():
		return warehousefault.Pass
	case f.crash:
		defer f.die()
	}
	if f.after {
		return warehousefault.FailAfter
	}
	return warehousefault.FailBefore
}

// tables returns how often each seq is in a table, and the tables' columns.
func (w *world) tables(t *testing.T) (seqs map[string]int, columns string) {
	t.Helper()
	seqs = map[string]int{}
	tables, err := w.warehouse.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		for i := range table.Columns {
			table.Columns[i].Added = time.Time{}
		}
		columns += fmt.Sprintln(table.Name, table.Columns)
		rows, err := w.warehouse.Query(t.Context(), "SELECT * FROM "+table.Name, 0)
		if err != nil {
			t.Fatal(err)
		}
		countSeqs(t, rows, seqs)
	}
	return seqs, columns
}

func countSeqs(t *testing.T, rows warehouse.Rows, seqs map[string]int) {
	t.Helper()
	at := -1
	for i, name := range rows.Columns() {
		if name == "seq" {
			at = i
		}
	}
	for {
		row, err := rows.Next()
		if err != nil {
			break // io.EOF: the rows are in memory
		}
		seqs[fmt.Sprint(row[at])]++
	}
}

// Whatever change of whatever stage goes wrong, and in whatever way: after
// that, a process that works brings every event into its table once, and the
// tables look as if nothing had happened.
func TestAFaultAnywhereLosesAndDoublesNothing(t *testing.T) {
	const n = 180
	calm := newWorld(t, n)
	if err := calm.process(t.Context(), &faults{process: bucketfault.NewProcess(0, bucketfault.Pass)}); err != nil {
		t.Fatal(err)
	}
	want, wantColumns := calm.tables(t)
	if len(want) != n {
		t.Fatalf("%d of %d events without any fault", len(want), n)
	}
	for _, kind := range []struct {
		name         string
		crash, after bool
	}{{"crash before", true, false}, {"crash after", true, true}, {"failure before", false, false}, {"failure after", false, true}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			steps := int64(0)
			for at := int64(1); ; at++ {
				w := newWorld(t, n)
				f := &faults{at: at, crash: kind.crash, after: kind.after, process: bucketfault.NewProcess(0, bucketfault.Pass)}
				_ = w.process(t.Context(), f) // what it says of its own death is of no use
				if f.n < at {
					break // there is no such change any more
				}
				steps = at
				if err := w.process(t.Context(), &faults{process: bucketfault.NewProcess(0, bucketfault.Pass)}); err != nil {
					t.Fatalf("change %d: the next process: %v", at, err)
				}
				got, columns := w.tables(t)
				if !maps.Equal(got, want) {
					t.Fatalf("change %d: %d events in the tables, want %d: %v", at, len(got), n, differences(got, want))
				}
				if columns != wantColumns {
					t.Fatalf("change %d: columns\n%s\nwant\n%s", at, columns, wantColumns)
				}
			}
			if steps < 50 {
				t.Errorf("only %d changes were tried", steps)
			}
			t.Logf("%d changes", steps)
		})
	}
}

func differences(got, want map[string]int) (list []string) {
	for seq, n := range want {
		if got[seq] != n {
			list = append(list, fmt.Sprintf("seq %s: %d times", seq, got[seq]))
		}
	}
	return list
}
