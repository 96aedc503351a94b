package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	membucket "github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/buffer"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/route"
	"github.com/ikada-io/ikada/stream"
	memstream "github.com/ikada-io/ikada/stream/mem"
	memwarehouse "github.com/ikada-io/ikada/warehouse/mem"
)

// world is a whole pipeline in memory, whose stages run when a test says so.
type world struct {
	t                          *testing.T
	stream                     stream.Stream
	buffer, archive, manifests bucket.Bucket
	warehouse                  *memwarehouse.Warehouse
	sent                       int
	plans                      int64 // bytes of a plan
	byDay                      ikada.LogType
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, stream: memstream.New(memstream.Options{}), buffer: membucket.New(), archive: membucket.New(), manifests: membucket.New(), plans: 1500}
	w.warehouse = memwarehouse.New(w.archive)
	return w
}

// send appends n chunks of ten events, of three log types by turns, to two
// shards; every second one twice.
func (w *world) send(n int) {
	w.t.Helper()
	for range n {
		var lines []byte
		for i := range 10 {
			lines = fmt.Appendf(lines, `{"seq":%d}`+"\n", w.sent*10+i)
		}
		data := batch.Append(nil, &batch.Part{
			Tag: fmt.Sprintf("type.%d", w.sent%3), Format: batch.JSON, Key: batch.KeyOf("", fmt.Append(nil, w.sent), lines, 0),
			Arrival: time.Now().UnixNano(), Origin: "test", Payload: lines,
		})
		for range 1 + w.sent%2 {
			if err := w.stream.Append(w.t.Context(), w.sent/3%2, data); err != nil {
				w.t.Fatal(err)
			}
		}
		w.sent++
	}
}

func (w *world) bundle() {
	w.t.Helper()
	stage := buffer.New(w.stream, w.buffer, buffer.Options{BundleSize: 1500, Backoff: time.Millisecond})
	stage.Drain()
	if err := stage.Run(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) route() {
	w.t.Helper()
	if _, err := route.New(w.buffer, w.archive, w.manifests, route.Options{MaxBytes: w.plans, ByDay: func(t ikada.LogType) bool { return t == w.byDay }}).Once(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) load() {
	w.t.Helper()
	if err := load.New(w.buffer, w.manifests, w.warehouse, load.Options{MaxManifests: 3}).Once(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run() {
	w.t.Helper()
	w.bundle()
	w.route()
	w.load()
}

func (w *world) sources() audit.Sources {
	return audit.Sources{Buffer: w.buffer, Archive: w.archive, Manifests: w.manifests, Warehouse: w.warehouse}
}

func (w *world) audit(o audit.Options) *audit.Report {
	w.t.Helper()
	r, err := audit.Run(w.t.Context(), w.sources(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// later is long after anything is due.
func later() time.Time { return time.Now().Add(time.Hour) }

// keys lists a bucket.
func keys(t *testing.T, b bucket.Bucket, prefix string) (all []string) {
	t.Helper()
	for info, err := range b.List(t.Context(), prefix, "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

func (w *world) delete(b bucket.Bucket, key string) {
	w.t.Helper()
	if err := b.Delete(w.t.Context(), key); err != nil {
		w.t.Fatal(err)
	}
}

// change replaces an object by what f makes of it.
func (w *world) change(b bucket.Bucket, key string, f func([]byte) []byte) {
	w.t.Helper()
	data, err := b.Get(w.t.Context(), key, 0, -1, nil)
	if err == nil {
		err = b.Put(w.t.Context(), key, f(bytes.Clone(data)))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// plan reads a plan.
func (w *world) plan(n uint64) *plan.Plan {
	w.t.Helper()
	p, err := plan.Read(w.t.Context(), w.buffer, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// wantHolds checks that there is no gap, and that the equations are true.
func wantHolds(t *testing.T, name string, r *audit.Report) {
	t.Helper()
	if !r.Holds || len(r.Gaps) != 0 || r.GapRows != 0 {
		t.Errorf("%s: gaps %+v", name, r.Gaps)
	}
	for _, c := range r.Types {
		if c.Received != c.Archived+c.Dropped+c.WaitingBundles || c.Archived != c.Loaded+c.Quarantined+c.WaitingManifests {
			t.Errorf("%s: the numbers do not add up, and there is no gap: %+v", name, c)
		}
		if c.Table != nil && (c.Table.Rows != c.Table.Expected || c.Table.Distinct != c.Table.Rows) {
			t.Errorf("%s: table %+v", name, *c.Table)
		}
	}
}

// sums adds the log types up.
func sums(r *audit.Report) (sum audit.TypeCounts) {
	for _, c := range r.Types {
		sum.Received += c.Received
		sum.Dropped += c.Dropped
		sum.WaitingBundles += c.WaitingBundles
		sum.Archived += c.Archived
		sum.Loaded += c.Loaded
		sum.WaitingManifests += c.WaitingManifests
	}
	return sum
}

func TestWhatIsOnItsWayIsNoGap(t *testing.T) {
	w := newWorld(t)
	check := func(name string, want audit.TypeCounts) *audit.Report {
		t.Helper()
		r := w.audit(audit.Options{Deep: true})
		wantHolds(t, name, r)
		if got := sums(r); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		return r
	}
	check("nothing at all", audit.TypeCounts{})
	w.send(60)
	check("in the stream", audit.TypeCounts{})
	w.bundle()
	check("in bundles", audit.TypeCounts{Received: 900, Dropped: 300, WaitingBundles: 600})
	w.route()
	r := check("in manifests", audit.TypeCounts{Received: 900, Dropped: 300, Archived: 600, WaitingManifests: 600})
	if r.Waiting.Manifests == 0 || r.Waiting.ManifestRows != 600 || r.Waiting.Bundles != 0 {
		t.Errorf("waiting: %+v", r.Waiting)
	}
	w.load()
	all := audit.TypeCounts{Received: 900, Dropped: 300, Archived: 600, Loaded: 600}
	r = check("in tables", all)
	if len(r.Types) != 4 || r.Types[0].Type != ikada.Quarantine || r.Types[2].Type != "type.1" || r.Types[2].Archived != 200 || r.FirstPlan != 1 || r.LastPlan < 3 || r.Files == 0 {
		t.Errorf("got %+v", r)
	}
	rows, dropped := int64(0), int64(0)
	for _, l := range r.Lanes {
		rows, dropped = rows+l.Rows, dropped+l.Dropped
		if l.FirstOrdinal != 1 || l.LastOrdinal < 2 || l.FirstPosition == "" || l.FirstPosition >= l.LastPosition {
			t.Errorf("lane %+v", l)
		}
	}
	if len(r.Lanes) != 2 || rows != 600 || dropped != 300 {
		t.Errorf("lanes %+v", r.Lanes)
	}

	// Bundles go when they are not needed any more; the plans know what was in them.
	n, err := route.New(w.buffer, w.archive, w.manifests, route.Options{Window: time.Minute, Now: later}).Clean(t.Context())
	if err != nil || n == 0 {
		t.Fatalf("%d bundles were cleaned: %v", n, err)
	}
	check("without bundles", all)
	w.send(6)
	w.bundle()
	check("more bundles", audit.TypeCounts{Received: 990, Dropped: 330, Archived: 600, Loaded: 600, WaitingBundles: 60})
}

func TestTheStreamsBacklogIsTold(t *testing.T) {
	w := newWorld(t)
	from := w.sources()
	from.Stream = func(context.Context) (stream.Backlog, error) { return stream.Backlog{Messages: 3, Bytes: 50}, nil }
	r, err := audit.Run(t.Context(), from, audit.Options{})
	if err != nil || r.Waiting.StreamMessages != 3 || r.Waiting.StreamBytes != 50 || !r.Holds {
		t.Errorf("got %+v, %v", r, err)
	}
	from.Stream = func(context.Context) (stream.Backlog, error) { return stream.Backlog{}, errors.New("gone") }
	if _, err := audit.Run(t.Context(), from, audit.Options{}); err == nil {
		t.Error("no error of a stream that fails")
	}
}

// Loads, routing, bundles and cleaning go on while audits run, and none of them
// sees a gap.
func TestNoAlarmWhileThePipelineWorks(t *testing.T) {
	w := newWorld(t)
	w.send(30)
	w.run()
	ctx, stop := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	stage := buffer.New(w.stream, w.buffer, buffer.Options{BundleSize: 1500, Flush: 2 * time.Millisecond, Backoff: time.Millisecond})
	loader := load.New(w.buffer, w.manifests, w.warehouse, load.Options{MaxManifests: 3, LoadAge: time.Millisecond})
	router := route.New(w.buffer, w.archive, w.manifests, route.Options{MaxBytes: 1500, Window: 50 * time.Millisecond, Interval: time.Millisecond, OnDone: func(*plan.Plan) {
		loader.Wake("type.0", "type.1", "type.2")
	}})
	for _, run := range []func(context.Context) error{stage.Run, router.Run, loader.Run} {
		busy.Go(func() { _ = run(ctx) })
	}
	busy.Go(func() {
		for ctx.Err() == nil {
			w.send(3)
			time.Sleep(5 * time.Millisecond)
		}
	})
	last := int64(0)
	for i := range 15 {
		r := w.audit(audit.Options{Deep: i%2 == 0})
		wantHolds(t, fmt.Sprint("audit ", i), r)
		if t.Failed() {
			break
		}
		last = sums(r).Loaded
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	busy.Wait()
	if last <= 300 {
		t.Errorf("only %d rows were loaded meanwhile", last)
	}
}

func TestSinceBoundsThePlans(t *testing.T) {
	w := newWorld(t)
	w.send(60)
	w.run()
	all := w.audit(audit.Options{})
	middle := w.plan(all.LastPlan/2 + 1)
	r := w.audit(audit.Options{Since: time.Unix(0, middle.Created), Deep: true})
	wantHolds(t, "since", r)
	if r.FirstPlan != middle.Number || r.LastPlan != all.LastPlan || r.Plans != int64(all.LastPlan-middle.Number+1) {
		t.Errorf("plans %d to %d, %d of them; want from %d", r.FirstPlan, r.LastPlan, r.Plans, middle.Number)
	}
	if got := sums(r); got.Archived >= 600 || got.Archived == 0 || got.Archived != got.Loaded {
		t.Errorf("got %+v", got)
	}
	if r := w.audit(audit.Options{Since: later()}); !r.Holds || r.Plans != 0 {
		t.Errorf("got %+v", r)
	}
	one := w.audit(audit.Options{Type: "type.1", Deep: true})
	wantHolds(t, "of a type", one)
	if len(one.Types) != 1 || one.Types[0].Archived != 200 {
		t.Errorf("of a type: %+v", one.Types)
	}
}

// counted counts what is asked of a bucket.
type counted struct {
	bucket.Bucket
	mu   sync.Mutex
	gets int
}

func (c *counted) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	c.mu.Lock()
	c.gets++
	c.mu.Unlock()
	return c.Bucket.Get(ctx, key, off, n, buf)
}

func TestALongHistoryIsReadInChunks(t *testing.T) {
	w := newWorld(t)
	w.plans = 1
	for range 45 {
		w.send(50)
		w.bundle()
	}
	w.route()
	w.load()
	buf, archive, manifests := &counted{Bucket: w.buffer}, &counted{Bucket: w.archive}, &counted{Bucket: w.manifests}
	r, err := audit.Run(t.Context(), audit.Sources{Buffer: buf, Archive: archive, Manifests: manifests, Warehouse: w.warehouse}, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantHolds(t, "a long history", r)
	if r.Plans <= 1000 || sums(r).Loaded != int64(10*w.sent) {
		t.Errorf("%d plans, %+v", r.Plans, sums(r))
	}
	if n := int(r.Plans) + 1; buf.gets > n || archive.gets != 0 || manifests.gets != 0 {
		t.Errorf("%d, %d and %d objects were read for %d plans", buf.gets, archive.gets, manifests.gets, r.Plans)
	}
}
