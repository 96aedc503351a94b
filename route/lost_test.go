package route

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/plan"
)

// decide makes plan 1 and executes it up to the given number of writes.
func (w *world) decide(writes int) {
	w.t.Helper()
	opts := w.options()
	opts.Parallel = 1
	if _, err := w.dying(opts, writes+1, fault.CrashBefore).Once(w.t.Context()); !errors.Is(err, fault.ErrCrashed) {
		w.t.Fatal(err)
	}
}

// troubled checks that n errors were counted, the last with a text.
func (w *world) troubled(n int64, text string) {
	w.t.Helper()
	if s := w.stats.Snapshot(); s.Errors != n || !strings.Contains(s.LastError, text) {
		w.t.Errorf("%d errors, the last: %q; want %d, %q", s.Errors, s.LastError, n, text)
	}
}

func ofBundle(lane ikada.Lane, n int) func(string) bool {
	return func(line string) bool { return strings.Contains(line, fmt.Sprintf("%q:\"%s-%d-", "_id", lane, n)) }
}

func TestALostBundleIsLeftOutByAnAmendment(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	w.decide(1)
	lost := bundle.Key(laneA, 2)
	bytesLost := w.buffer.object(t, lost)
	w.buffer.remove(t, lost)
	w.once(w.router(w.options()))
	w.conserved(ofBundle(laneA, 2))
	w.troubled(8, "rows of \"app.2\" are lost: bundle "+lost) // one for each segment

	amendments, err := plan.Amendments(t.Context(), w.buffer, 1)
	if err != nil || len(amendments) != 1 || len(amendments[0].Cuts) != 8 || !strings.Contains(amendments[0].Cuts[0].Reason, "not found") {
		t.Errorf("amendments %+v, %v", amendments, err)
	}
	// Whoever executes the plan again, with or without the bundle, leaves all as it is.
	archive, manifests := w.archive.objects(t), w.manifests.objects(t)
	w.buffer.put(t, lost, bytesLost)
	w.archive.remove(t, slices.Collect(maps.Keys(archive))...)
	w.manifests.remove(t, slices.Collect(maps.Keys(manifests))...)
	w.buffer.remove(t, plan.DoneKey(1))
	w.once(w.router(w.options()))
	sameObjects(t, "archive", w.archive.objects(t), archive)
	sameObjects(t, "manifests", w.manifests.objects(t), manifests)

	var text strings.Builder
	if err := w.router(Options{}).Explain(t.Context(), 1, &text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"plan 1, made 2026-11-23T12:00:00Z, done", "main-k3j9x2ab-0: 1 to 3", "3 bundles", lost, "amendment 1", "not found", "manifest app.1/000000000/000000000001.hard.manifest", "-1.a1.json.gz"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the explanation lacks %q:\n%s", want, &text)
		}
	}
}

func TestTheFirstAmendmentCounts(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 2)
	w.decide(1)
	made, err := plan.Read(t.Context(), w.buffer, 1)
	if err != nil {
		t.Fatal(err)
	}
	theirs := &plan.Amendment{Plan: 1, Number: 1, Created: 7}
	for i, o := range made.Outputs {
		for j, s := range o.Segments {
			if made.Inputs[s.Input].Ordinal == 1 {
				theirs.Cuts = append(theirs.Cuts, plan.Cut{Output: i, Segment: j, Reason: "another router was first"})
			}
		}
	}
	data, err := theirs.Encode()
	if err != nil {
		t.Fatal(err)
	}
	lost := bundle.Key(laneA, 1)
	w.buffer.remove(t, lost)
	w.buffer.hook(func(key string) error {
		if key == lost { // behind the look for amendments
			w.buffer.put(t, plan.AmendKey(1, 1), data)
		}
		return nil
	})
	w.once(w.router(w.options()))
	if got := w.buffer.object(t, plan.AmendKey(1, 1)); !bytes.Equal(got, data) {
		t.Error("their amendment was replaced")
	}
	amendments, err := plan.Amendments(t.Context(), w.buffer, 1)
	if err != nil || len(amendments) != 1 {
		t.Errorf("%d amendments, %v", len(amendments), err)
	}
	w.conserved(ofBundle(laneA, 1))
}

func TestWhatWasArchivedBeforeTheLossStays(t *testing.T) {
	for written := 1; written <= 7; written++ { // archive files; the plan makes 8
		w := newWorld(t)
		w.deliver(laneA, 1, 2)
		w.decide(1 + written)
		if n := len(w.archive.objects(t)); n != written {
			t.Fatalf("%d archive files, want %d", n, written)
		}
		w.buffer.remove(t, bundle.Key(laneA, 1))
		w.once(w.router(w.options()))
		lost, kept := 0, w.archived()
		for line := range w.sent {
			switch {
			case kept[line] == 1:
			case ofBundle(laneA, 1)(line):
				lost++
			default:
				t.Fatalf("%s is archived %d times", line, kept[line])
			}
		}
		if want := (8 - written) * 21; lost != want {
			t.Errorf("%d files written: %d lines are lost, want %d", written, lost, want)
		}
	}
}

func TestADamagedSegmentIsLeftOutAndItsBundleKept(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	damaged := bundle.Key(laneA, 2)
	x, err := bundle.Parse(w.buffer.object(t, damaged))
	if err != nil {
		t.Fatal(err)
	}
	w.buffer.change(t, damaged, func(b []byte) []byte { b[x.Segments[4].Offset+9] ^= 4; return b })
	w.once(w.router(w.options()))
	w.conserved(func(line string) bool { return strings.Contains(line, laneA.String()+"-2-4-") })
	w.troubled(1, "damaged: CRC-32C is")
	if !bytes.Equal(w.buffer.object(t, asideKey(damaged)), w.buffer.object(t, damaged)) {
		t.Error("no copy of the damaged bundle was kept")
	}
}

func TestDamageInTransitIsReadAgain(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 1)
	key := bundle.Key(laneA, 1)
	good := w.buffer.object(t, key)
	reads := 0
	w.buffer.hook(func(k string) error {
		if k != key {
			return nil
		}
		reads++
		w.buffer.change(t, key, func([]byte) []byte {
			bad := bytes.Clone(good)
			switch reads {
			case 1:
				bad[len(bad)-1] ^= 1 // the index cannot be read
			case 2:
				bad[100] ^= 1 // the first segment cannot
			}
			return bad
		})
		return nil
	})
	w.once(w.router(w.options()))
	w.conserved(nil)
	w.troubled(0, "")
	if reads != 3 {
		t.Errorf("%d reads, want 3", reads)
	}
}

func TestABundleWithoutIndexIsExcludedAndStopsNobody(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 4)
	w.deliver(laneB, 1, 2)
	misplaced := w.buffer.object(t, bundle.Key(laneA, 1))
	for n, spoil := range map[uint64]func([]byte) []byte{
		2: func(b []byte) []byte { return b[:len(b)-1] },
		3: func([]byte) []byte { return nil },
		4: func([]byte) []byte { return misplaced },
	} {
		w.buffer.change(t, bundle.Key(laneA, n), spoil)
	}
	w.once(w.router(w.options()))
	w.conserved(func(line string) bool {
		return ofBundle(laneA, 2)(line) || ofBundle(laneA, 3)(line) || ofBundle(laneA, 4)(line)
	})
	w.troubled(3, "is excluded, a copy is at damaged/lanes/")
	p, err := plan.Read(t.Context(), w.buffer, 1)
	if err != nil {
		t.Fatal(err)
	}
	var excluded []uint64
	for _, in := range p.Inputs {
		if in.Excluded != "" {
			excluded = append(excluded, in.Ordinal)
		}
	}
	if !slices.Equal(excluded, []uint64{2, 3, 4}) || p.Ordinal(laneA) != 4 {
		t.Errorf("excluded %v, lane routed to %d", excluded, p.Ordinal(laneA))
	}
}

func TestTroubleThatPassesExcludesNothing(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	w.deliver(laneB, 1, 3)
	w.buffer.hook(func(key string) error {
		if key == bundle.Key(laneA, 2) {
			return errors.New("connection reset")
		}
		return nil
	})
	_, err := w.router(w.options()).Once(t.Context())
	if err == nil || !strings.Contains(err.Error(), "lane main-k3j9x2ab-0 stops") {
		t.Errorf("got %v", err)
	}
	w.conserved(func(line string) bool { return ofBundle(laneA, 2)(line) || ofBundle(laneA, 3)(line) })
	w.buffer.hook(nil)
	w.once(w.router(w.options()))
	w.conserved(nil)
}

// otherVersion gives a bundle another format version.
func otherVersion(b []byte) []byte {
	footer := b[len(b)-36:]
	binary.LittleEndian.PutUint32(footer[20:], 2)
	binary.LittleEndian.PutUint32(footer[24:], crc32.Checksum(footer[:24], bundle.Castagnoli))
	return b
}

func TestABundleOfAnUnknownVersionStopsItsLaneOnly(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	w.deliver(laneB, 1, 3)
	w.buffer.change(t, bundle.Key(laneA, 2), otherVersion)
	_, err := w.router(w.options()).Once(t.Context())
	if !errors.Is(err, ikada.ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
	w.conserved(func(line string) bool { return ofBundle(laneA, 2)(line) || ofBundle(laneA, 3)(line) })
}

func TestAPlanOfAnUnknownVersionIsNotExecuted(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 1)
	w.decide(1)
	w.buffer.change(t, plan.Key(1), func(b []byte) []byte {
		binary.LittleEndian.PutUint32(b[8:], 2)
		binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], bundle.Castagnoli))
		return b
	})
	w.deliver(laneA, 2, 2)
	if _, err := w.router(w.options()).Once(t.Context()); !errors.Is(err, ikada.ErrVersion) {
		t.Errorf("got %v, want ErrVersion", err)
	}
	if len(w.archive.objects(t))+len(w.manifests.objects(t)) != 0 {
		t.Error("something was written")
	}
}

func TestAMissingBundleIsExcludedAndStopsNobody(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 1)
	w.once(w.router(w.options()))
	w.deliver(laneA, 2, 5)
	w.deliver(laneB, 1, 1)
	key := bundle.Key(laneA, 3)
	w.buffer.remove(t, key)
	w.once(w.router(w.options()))
	w.conserved(ofBundle(laneA, 3))
	if s := w.stats.Snapshot(); s.Errors != 1 || !strings.Contains(s.LastError, "bundle "+key+" is missing") {
		t.Errorf("%d errors, the last: %q", s.Errors, s.LastError)
	}
	var text strings.Builder
	if err := w.router(w.options()).Explain(t.Context(), 2, &text); err != nil || !strings.Contains(text.String(), "it is missing") {
		t.Errorf("%v: the explanation says nothing of it:\n%s", err, text.String())
	}
	w.once(w.router(w.options())) // and it is not met again
	if s := w.stats.Snapshot(); s.Errors != 1 {
		t.Errorf("%d errors, the last: %q", s.Errors, s.LastError)
	}
}

// A router whose bundles were routed and removed by another one meanwhile makes
// no alarm of it.
func TestWhatAnotherRouterHasRoutedIsNotCalledLost(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 2)
	first, rivalled := bundle.Key(laneA, 1), false
	w.buffer.hook(func(key string) error {
		if key != first || rivalled {
			return nil
		}
		rivalled = true
		rival := New(w.buffer.Bucket, w.archive, w.manifests, Options{Now: w.options().Now})
		if plans, err := rival.Once(t.Context()); err != nil || plans != 1 {
			t.Errorf("the rival: %d plans, %v", plans, err)
		}
		w.buffer.remove(t, first)
		return nil
	})
	if plans := w.once(w.router(w.options())); plans != 0 || !rivalled {
		t.Errorf("%d plans, want none; rivalled %t", plans, rivalled)
	}
	w.conserved(nil)
	if s := w.stats.Snapshot(); s.Errors != 0 {
		t.Errorf("%d errors, the last: %q", s.Errors, s.LastError)
	}
}

func TestWithoutPlansALaneMustBeginAtItsFirstBundle(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 4)
	w.buffer.remove(t, bundle.Key(laneA, 1))
	_, err := w.router(w.options()).Once(t.Context())
	if err == nil || !strings.Contains(err.Error(), "restore the plans") {
		t.Errorf("got %v", err)
	}
	if len(w.archive.objects(t))+len(w.manifests.objects(t)) != 0 {
		t.Error("something was written")
	}
}

func TestCleanDeletesOnlyWhatNobodyNeeds(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	w.deliver(laneB, 1, 1)
	w.once(w.router(w.options()))
	w.clock = time.Now()
	bundles := func() (left []string) {
		for key := range w.buffer.objects(t) {
			if lane, n, err := bundle.ParseKey(key); err == nil {
				left = append(left, fmt.Sprint(lane.Shard, ":", n))
			}
		}
		slices.Sort(left)
		return left
	}
	for _, step := range []struct {
		why    string
		change func()
		want   []string
	}{
		{"all are in the window", func() {}, []string{"0:1", "0:2", "0:3", "1:1"}},
		{"the newest of a lane stay", func() { w.clock = w.clock.Add(2 * time.Hour) }, []string{"0:3", "1:1"}},
		{"what is not routed stays", func() { w.deliver(laneA, 4, 5); w.clock = w.clock.Add(2 * time.Hour) }, []string{"0:4", "0:5", "1:1"}},
		{"what a plan that is not done takes stays", func() { w.deliver(laneB, 2, 2); w.clock = w.clock.Add(2 * time.Hour); w.decide(1) }, []string{"0:4", "0:5", "1:2"}},
		{"what is done goes", func() { w.once(w.router(w.options())) }, []string{"0:5", "1:2"}},
	} {
		step.change()
		if _, err := w.router(w.options()).Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := bundles(); !slices.Equal(got, step.want) {
			t.Errorf("%s: left are %v, want %v", step.why, got, step.want)
		}
	}
	w.conserved(nil)
}
