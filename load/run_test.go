package load_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse/fault"
)

func TestATypeLoadsWhenItsOldestManifestIsOfAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := w.loader(load.Options{LoadAge: 5 * time.Second, SweepInterval: time.Hour})
		defer w.start(l)()
		synctest.Wait()
		w.plain(1, access, `{"a":1}`)
		l.Wake(access)
		time.Sleep(3 * time.Second)
		w.plain(2, access, `{"a":2}`) // does not put it off
		l.Wake(access)
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		if got := w.jobs(access); len(got) != 0 {
			t.Errorf("loaded too early: %q", got)
		}
		waiting := l.Waiting()
		if len(waiting) != 1 || waiting[0].Manifests != 2 || waiting[0].Bytes == 0 || waiting[0].Error != "" ||
			time.Since(waiting[0].OldestArrival) != 5900*time.Millisecond {
			t.Errorf("status is %+v", waiting)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got := w.jobs(access); len(got) != 1 || got[0] != "plain 1 2" {
			t.Errorf("got %q", got)
		}
		if waiting := l.Waiting(); len(waiting) != 0 {
			t.Errorf("status is %+v", waiting)
		}
	})
}

func TestATypeLoadsAtOnceWhenEnoughWaits(t *testing.T) {
	for name, opts := range map[string]load.Options{
		"bytes":     {LoadAge: time.Hour, LoadBytes: 150},
		"manifests": {LoadAge: time.Hour, MaxManifests: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				l := w.loader(opts)
				defer w.start(l)()
				for n := range uint64(3) {
					synctest.Wait()
					if got := w.jobs(access); len(got) != 0 {
						t.Errorf("loaded too early: %q", got)
					}
					w.plain(n+1, access, `{"a":1}`)
					l.Wake(access)
				}
				synctest.Wait()
				if got := w.jobs(access); len(got) != 1 || got[0] != "plain 1 2 3" {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

func TestLostWakeUpsAreMadeUpForBySweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plain(1, access, `{"a":1}`) // before the start
		defer w.start(w.loader(load.Options{SweepInterval: 10 * time.Second}))()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.complete()
		w.add(2, access, ikada.Plain, `{"a":2}`)
		w.plain(2, "nginx.access", `{"a":1}`)
		time.Sleep(12 * time.Second)
		synctest.Wait()
		w.complete()
	})
}

func TestDoubledAndMistakenWakeUpsChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l := w.loader(load.Options{})
		defer w.start(l)()
		for n := range uint64(20) {
			w.add(n+1, access, ikada.Plain, `{"a":1}`)
			l.Wake(access) // too early: the plan is not done
			w.done(n + 1)
			for range 10 {
				l.Wake(access, access, "no.such.type")
			}
			time.Sleep(300 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.complete()
		if n := w.ops("Load"); n == 0 || n > 8 {
			t.Errorf("%d loads in 8 seconds", n)
		}
	})
}

func TestTypesLoadSideBySideButNoneTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		types := []ikada.LogType{"a", "b", "c", "d"}
		for n := range uint64(6) {
			for _, of := range types {
				w.add(n+1, of, ikada.Plain, `{"a":1}`)
			}
			w.done(n + 1)
		}
		var mu sync.Mutex
		running, most := map[ikada.LogType]int{}, 0
		w.failWith(func(c fault.Call) fault.Outcome {
			if c.Op != "Load" {
				return fault.Pass
			}
			mu.Lock()
			running[c.Type]++
			all := 0
			for of, n := range running {
				all += n
				if n > 1 {
					t.Errorf("%s loads %d times at once", of, n)
				}
			}
			most = max(most, all)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			running[c.Type]--
			mu.Unlock()
			return fault.Pass
		})
		l := w.loader(load.Options{Parallel: 3, MaxManifests: 2})
		defer w.start(l)()
		for range 100 {
			l.Wake(types...)
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if most != 3 {
			t.Errorf("%d types loaded at once, want 3", most)
		}
		w.complete()
	})
}

func TestOnceDoesNotMeetRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for n := range uint64(20) {
			w.plain(n+1, access, `{"a":1}`)
		}
		w.failWith(func(c fault.Call) fault.Outcome {
			time.Sleep(100 * time.Millisecond)
			return fault.Pass
		})
		l := w.loader(load.Options{MaxManifests: 2})
		defer w.start(l)()
		w.check(l.Once(ctx))
		w.complete()
		if n := w.ops("Load"); n != 10 {
			t.Errorf("%d loads, want 10", n)
		}
	})
}

func TestErrorsBackOffAndAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plain(1, access, `{"a":1}`)
		w.add(1, "nginx.access", ikada.Plain, `{"a":1}`)
		w.failWith(func(c fault.Call) fault.Outcome {
			if c.Type == access && c.Op == "Load" {
				return fault.FailBefore
			}
			return fault.Pass
		})
		var log bytes.Buffer
		stats := new(ikada.Stats)
		l := w.loader(load.Options{Stats: stats, Log: slog.New(slog.NewTextHandler(&log, nil)), SweepInterval: 5 * time.Second})
		stop := w.start(l)
		for range 600 {
			time.Sleep(time.Second)
			l.Wake(access)
		}
		synctest.Wait()
		// 0.5, 1, 2, … 60 s, each at least half of it: ten minutes hold at most 7 + 20.
		if n := len(w.jobs(access)); n < 10 || n > 28 {
			t.Errorf("%d tries in ten minutes", n)
		}
		if got := len(w.ids("nginx.access")); got != 1 {
			t.Errorf("the other type has %d rows", got)
		}
		s := stats.Snapshot()
		if s.Errors != int64(len(w.jobs(access))) || !strings.Contains(s.LastError, "app.access") || s.Events != 1 || s.Runs != 1 {
			t.Errorf("stats are %+v", s)
		}
		if waiting := l.Waiting(); len(waiting) != 1 || waiting[0].Error == "" || waiting[0].RetryAt.Before(time.Now()) {
			t.Errorf("status is %+v", waiting)
		}
		w.failWith(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.complete()
		if waiting := l.Waiting(); len(waiting) != 0 {
			t.Errorf("status is %+v", waiting)
		}
		stop()
		if !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("logged: %s", log.String())
		}
	})
}

func TestALoadThatIsCutOffIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plain(1, access, `{"a":1}`)
		started, release := make(chan struct{}), make(chan struct{})
		w.failWith(func(c fault.Call) fault.Outcome {
			if c.Op == "Load" {
				close(started)
				<-release
				return fault.FailBefore
			}
			return fault.Pass
		})
		stats := new(ikada.Stats)
		stop := w.start(w.loader(load.Options{Stats: stats}))
		<-started
		go func() {
			time.Sleep(time.Second) // Run waits for it
			close(release)
		}()
		stop()
		if s := stats.Snapshot(); s.Errors != 0 || s.Runs != 0 {
			t.Errorf("stats are %+v", s)
		}
	})
}

func TestAWarehouseThatIsDownAtTheStartIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plain(1, access, `{"a":1}`)
		w.failWith(func(fault.Call) fault.Outcome { return fault.FailBefore })
		stats := new(ikada.Stats)
		defer w.start(w.loader(load.Options{Stats: stats, SweepInterval: time.Hour}))()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := stats.Snapshot().Errors; n < 3 || n > 10 {
			t.Errorf("%d errors in ten seconds", n)
		}
		w.failWith(nil)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		w.complete()
	})
}

func TestManifestsMadeByAFastClockDoNotWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plain(1, access, `{"a":1}`)
		key := manifest.Key(access, 1, ikada.Plain)
		data, err := w.manifests.Get(ctx, key, 0, -1, nil)
		w.check(err)
		m, err := manifest.Decode(data)
		w.check(err)
		m.Ikada.Created = time.Now().Add(time.Hour).UnixNano()
		data, err = m.Encode()
		w.check(err)
		w.check(w.manifests.Put(ctx, key, data))
		defer w.start(w.loader(load.Options{}))()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.complete()
	})
}
