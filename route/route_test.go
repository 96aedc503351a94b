package route

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
)

var (
	laneA = ikada.Lane{Stream: "main", Incarnation: "k3j9x2ab", Shard: 0}
	laneB = ikada.Lane{Stream: "main", Incarnation: "k3j9x2ab", Shard: 1}
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

// world is the three buckets and what was put into them.
type world struct {
	t                          *testing.T
	clock                      time.Time
	buffer, archive, manifests *memory
	stats                      ikada.Stats
	sent                       map[string]int // lines of bundles delivered, with their log type
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: noon, sent: make(map[string]int)}
	w.buffer, w.archive, w.manifests = newMemory(), newMemory(), newMemory()
	return w
}

func (w *world) options() Options {
	return Options{Now: func() time.Time { return w.clock }, Stats: &w.stats}
}

func (w *world) router(opts Options) *Router { return New(w.buffer, w.archive, w.manifests, opts) }

// dying returns a router that crashes at its n-th write.
func (w *world) dying(opts Options, n int, outcome fault.Outcome) *Router {
	p := fault.Options{Process: fault.NewProcess(n, outcome)}
	return New(fault.New(w.buffer, p), fault.New(w.archive, p), fault.New(w.manifests, p), opts)
}

// deliver stores bundles from an ordinal on, of three types, two hours and both classes.
func (w *world) deliver(lane ikada.Lane, from, to uint64) {
	w.t.Helper()
	for n := from; n <= to; n++ {
		packer := bundle.NewPacker()
		var sources []bundle.Source
		for i := range 8 {
			var raw bytes.Buffer
			for line := range 20 + int(n) {
				fmt.Fprintf(&raw, "{\"_id\":\"%s-%d-%d-%d\",\"path\":\"/items/%d\"}\n", lane, n, i, line, line*7919%1000)
			}
			key := bundle.SegmentKey{Type: ikada.LogType(fmt.Sprintf("app.%d", i%3)), Hour: ikada.HourOf(noon) - ikada.Hour(i%2), Class: ikada.Class(i / 6)}
			var packed bundle.Packed
			packer.Add(&packed, raw.Bytes(), nil)
			sources = append(sources, bundle.Source{SegmentKey: key, Packed: packed, Stats: bundle.Stats{
				Rows:   int64(20 + n),
				Fields: []ikada.Field{{Name: "_id", Kinds: ikada.KindText, Rows: 20 + n}, {Name: fmt.Sprintf("f%d", i), Kinds: ikada.KindInt, Rows: 1}, {Name: "path", Kinds: ikada.KindText, MaxBytes: uint32(n), Rows: 20 + n}},
			}})
			for line := range bytes.Lines(raw.Bytes()) {
				w.sent[string(key.Type)+" "+string(line)]++
			}
		}
		body, _, err := bundle.Write(bundle.Head{
			Lane: lane, Ordinal: n, FirstArrival: noon.UnixNano() - int64(n), LastArrival: noon.UnixNano(),
		}, sources)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := w.buffer.Create(w.t.Context(), bundle.Key(lane, n), body...); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) once(r *Router) int {
	w.t.Helper()
	n, err := r.Once(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// archived returns the lines that manifests lead to, checked on the way.
func (w *world) archived() map[string]int {
	w.t.Helper()
	lines := make(map[string]int)
	for key, data := range w.manifests.objects(w.t) {
		m, err := manifest.Decode(data)
		if err != nil {
			w.t.Fatalf("%s: %v", key, err)
		}
		rows := int64(0)
		for i, f := range m.Ikada.Files {
			raw := w.gunzip(f)
			n := int64(0)
			for line := range bytes.Lines(raw) {
				lines[string(m.Ikada.Type)+" "+string(line)]++
				n++
			}
			if n != f.Rows || m.Entries[i].URL != "mem:///"+f.Key || m.Entries[i].Meta.ContentLength != f.Size || !m.Entries[i].Mandatory {
				w.t.Errorf("%s: %d rows in %+v, entry %+v", key, n, f, m.Entries[i])
			}
			rows += n
		}
		if rows != m.Ikada.Rows {
			w.t.Errorf("%s: %d rows, it says %d", key, rows, m.Ikada.Rows)
		}
	}
	return lines
}

func (w *world) gunzip(f manifest.File) []byte {
	w.t.Helper()
	data := w.archive.object(w.t, f.Key)
	if int64(len(data)) != f.Size || crc32.Checksum(data, bundle.Castagnoli) != f.CRC32C {
		w.t.Fatalf("archive file %s: %d bytes, CRC-32C %08x; the manifest says %+v", f.Key, len(data), crc32.Checksum(data, bundle.Castagnoli), f)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err != nil || int64(len(raw)) != f.Raw {
		w.t.Fatalf("archive file %s: %d bytes raw, %v; the manifest says %d", f.Key, len(raw), err, f.Raw)
	}
	return raw
}

// conserved checks that what was sent is archived once, but for what lost names.
func (w *world) conserved(lost func(line string) bool) {
	w.t.Helper()
	want := maps.Clone(w.sent)
	if lost != nil {
		maps.DeleteFunc(want, func(line string, _ int) bool { return lost(line) })
	}
	got := w.archived()
	if !maps.Equal(got, want) {
		missing, extra := 0, 0
		for line, n := range want {
			missing += max(0, n-got[line])
		}
		for line, n := range got {
			extra += max(0, n-want[line])
		}
		w.t.Errorf("%d lines are missing and %d too many, of %d", missing, extra, len(want))
	}
}

func sameObjects(t *testing.T, what string, got, want map[string][]byte) {
	t.Helper()
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("%s: objects are %q, want %q", what, g, w)
	}
	for key, data := range want {
		if !bytes.Equal(got[key], data) {
			t.Errorf("%s: %s has other bytes than in an undisturbed run", what, key)
		}
	}
}

func TestBundlesBecomeArchiveFilesAndManifests(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 5)
	w.deliver(laneB, 1, 3)
	var done []uint64
	opts := w.options()
	opts.OnDone = func(p *plan.Plan) { done = append(done, p.Number) }
	r := w.router(opts)
	if n := w.once(r); n != 1 {
		t.Errorf("made %d plans, want 1", n)
	}
	w.conserved(nil)
	if n := w.once(r); n != 0 {
		t.Errorf("made %d plans of nothing", n)
	}
	w.deliver(laneB, 4, 4)
	if n := w.once(w.router(opts)); n != 1 {
		t.Errorf("a new router made %d plans, want 1", n)
	}
	w.conserved(nil)
	if !slices.Equal(done, []uint64{1, 2}) {
		t.Errorf("OnDone was called for %v", done)
	}
	if n, err := plan.NewestDone(t.Context(), w.buffer); n != 2 || err != nil {
		t.Errorf("NewestDone = %d, %v", n, err)
	}
	m, err := manifest.Decode(w.manifests.object(t, "app.0/000000000/000000000001.manifest"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Ikada.OldestArrival != noon.UnixNano()-5 || m.Ikada.Created != noon.UnixNano() || len(m.Entries) != 2 {
		t.Errorf("manifest %+v", m.Ikada)
	}
	want := []ikada.Field{
		{Name: "_id", Kinds: ikada.KindText, Rows: 2 * (21 + 22 + 23 + 24 + 25 + 21 + 22 + 23)}, {Name: "f0", Kinds: ikada.KindInt, Rows: 8},
		{Name: "path", Kinds: ikada.KindText, MaxBytes: 5, Rows: 2 * (21 + 22 + 23 + 24 + 25 + 21 + 22 + 23)}, {Name: "f3", Kinds: ikada.KindInt, Rows: 8},
	}
	if !slices.Equal(m.Ikada.Fields, want) {
		t.Errorf("fields %+v, want %+v", m.Ikada.Fields, want)
	}
	if _, ok := w.archive.objects(t)["app.0/dt=2026-11-23/hh=11/000000000002-1.hard.json.gz"]; ok {
		t.Error("plain and hard rows are in one file")
	}
}

func TestFilesAreCutAtTheirSize(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 30)
	opts := w.options()
	opts.FileSize = 2000
	w.once(w.router(opts))
	w.conserved(nil)
	for key, data := range w.archive.objects(t) {
		if len(data) > 2000+bundle.MemberOverhead {
			t.Errorf("%s has %d bytes", key, len(data))
		}
	}
	m, err := manifest.Decode(w.manifests.object(t, "app.0/000000000/000000000001.manifest"))
	if err != nil || len(m.Entries) < 4 {
		t.Errorf("%d files, %v", len(m.Entries), err)
	}
}

func TestNoFileHoldsMoreThanItsSizeOr2GiBRaw(t *testing.T) {
	segment := func(length, raw int64) plan.Segment {
		return plan.Segment{Extent: bundle.Extent{Length: length, Raw: raw}}
	}
	for name, test := range map[string]struct {
		segments []plan.Segment
		want     []int // segments of each file
	}{
		"one that is too large":   {[]plan.Segment{segment(500, 1)}, []int{1}},
		"just full":               {[]plan.Segment{segment(60, 1), segment(40, 1), segment(1, 1)}, []int{2, 1}},
		"too large in the middle": {[]plan.Segment{segment(9, 1), segment(500, 1), segment(9, 1)}, []int{1, 1, 1}},
		"2 GiB raw":               {[]plan.Segment{segment(1, 1<<30), segment(1, 1<<30), segment(1, 1), segment(1, 2<<30)}, []int{2, 1, 1}},
	} {
		var got []int
		for _, f := range files(test.segments, 100) {
			got = append(got, len(f))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: files of %v segments, want %v", name, got, test.want)
		}
	}
}

func TestACrashAfterAnyWriteLosesAndDoublesNothing(t *testing.T) {
	opts := func(w *world) Options {
		o := w.options()
		o.MaxBytes = 12_000 // so that there are several plans
		return o
	}
	prepare := func() *world {
		w := newWorld(t)
		w.deliver(laneA, 1, 4)
		w.deliver(laneB, 1, 2)
		return w
	}
	calm := prepare()
	if n := calm.once(calm.router(opts(calm))); n < 2 {
		t.Fatalf("%d plans, want several", n)
	}
	calm.conserved(nil)
	for _, outcome := range []fault.Outcome{fault.CrashBefore, fault.CrashAfter} {
		for k := 1; ; k++ {
			w := prepare()
			_, err := w.dying(opts(w), k, outcome).Once(t.Context())
			if err == nil {
				if k < 30 {
					t.Fatalf("only %d writes", k)
				}
				break
			}
			if !errors.Is(err, fault.ErrCrashed) {
				t.Fatalf("write %d: %v", k, err)
			}
			if _, err := w.dying(opts(w), 2, outcome).Once(t.Context()); err != nil && !errors.Is(err, fault.ErrCrashed) { // while it recovers
				t.Fatalf("write %d: %v", k, err)
			}
			w.once(w.router(opts(w)))
			what := fmt.Sprintf("crash at write %d (outcome %d)", k, outcome)
			sameObjects(t, what+", archive", w.archive.objects(t), calm.archive.objects(t))
			sameObjects(t, what+", manifests", w.manifests.objects(t), calm.manifests.objects(t))
			sameObjects(t, what+", buffer", w.buffer.objects(t), calm.buffer.objects(t))
		}
	}
}

func TestRacingRoutersAreHarmless(t *testing.T) {
	w := newWorld(t)
	opts := w.options()
	opts.MaxBytes = 12_000
	w.deliver(laneA, 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var racers sync.WaitGroup
	for range 4 {
		racers.Go(func() {
			for r := w.router(opts); ctx.Err() == nil; r = w.router(opts) {
				for range 3 {
					if _, err := r.Once(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	w.deliver(laneA, 2, 20)
	w.deliver(laneB, 1, 20)
	cancel()
	racers.Wait()
	w.once(w.router(opts))
	w.conserved(nil)
	if s := w.stats.Snapshot(); s.Errors != 0 {
		t.Errorf("%d errors, the last: %s", s.Errors, s.LastError)
	}
}

func TestAZombieThatExecutesAnOldPlanChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	w.once(w.router(w.options()))
	w.deliver(laneA, 4, 4)
	w.once(w.router(w.options()))
	w.clock = time.Now().Add(2 * time.Hour)
	if n, err := w.router(w.options()).Clean(t.Context()); n != 3 || err != nil {
		t.Fatalf("cleaned %d, %v", n, err)
	}
	archive, manifests, buffer := w.archive.objects(t), w.manifests.objects(t), w.buffer.objects(t)
	p, err := plan.Read(t.Context(), w.buffer, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, resumed := range []bool{true, false} {
		if err := w.router(w.options()).execute(t.Context(), p, resumed); err != nil {
			t.Errorf("resumed %v: %v", resumed, err)
		}
		sameObjects(t, "archive", w.archive.objects(t), archive)
		sameObjects(t, "manifests", w.manifests.objects(t), manifests)
		sameObjects(t, "buffer", w.buffer.objects(t), buffer)
	}
	// Not even if someone has moved an archive file away since.
	w.archive.remove(t, p.Outputs[0].Key)
	if err := w.router(w.options()).execute(t.Context(), p, true); err != nil {
		t.Error(err)
	}
	sameObjects(t, "buffer", w.buffer.objects(t), buffer)
	w.troubled(0, "")
}

func TestALongBacklogIsRoutedInBoundedPlans(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 60)
	w.deliver(laneB, 1, 5)
	opts := w.options()
	opts.MaxBytes, opts.MaxSegments = 20_000, 30
	r := w.router(opts)
	plans := w.once(r)
	w.conserved(nil)
	if plans < 65*8/30 {
		t.Errorf("only %d plans", plans)
	}
	if cap(r.bundles.arena) > 20_000 {
		t.Errorf("%d bytes of memory for bundles", cap(r.bundles.arena))
	}
	for n := 1; n <= plans; n++ {
		p, err := plan.Read(t.Context(), w.buffer, uint64(n))
		if err != nil {
			t.Fatal(err)
		}
		size, segments := int64(0), 0
		for i := range p.Inputs {
			size += p.Inputs[i].Size
		}
		for i := range p.Outputs {
			segments += len(p.Outputs[i].Segments)
		}
		if size > 20_000 || segments > 30 {
			t.Errorf("plan %d takes %d bytes and %d segments", n, size, segments)
		}
	}
}

func TestABundleLargerThanAPlanIsRouted(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	opts := w.options()
	opts.MaxBytes, opts.MaxSegments = 1, 1
	if n := w.once(w.router(opts)); n != 3 {
		t.Errorf("%d plans, want one a bundle", n)
	}
	w.conserved(nil)
}

func TestARunEndsBeforeItsDeadline(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 10)
	opts := w.options()
	opts.MaxBytes = 1
	synctest.Test(t, func(t *testing.T) {
		w.buffer.hook(func(string) error { time.Sleep(time.Second); return nil })
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		n, err := w.router(opts).Once(ctx)
		if err != nil || n != 4 {
			t.Errorf("%d plans of one second in five seconds, %v; want 4: the time for another must be left", n, err)
		}
	})
	w.buffer.hook(nil)
	w.once(w.router(opts))
	w.conserved(nil)
}
