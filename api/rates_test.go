package api_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
)

func TestRatesLookBackTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stats [2]ikada.Stats
		r := api.NewRates(func() []ikada.Snapshot {
			return []ikada.Snapshot{stats[0].Snapshot(), stats[1].Snapshot()}
		})
		if got := r.Rates(); got != nil {
			t.Errorf("before the first sample: got %v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = r.Run(ctx) }()
		synctest.Wait()
		expect := func(when string, events, bytes float64) {
			t.Helper()
			if got := r.Rates(); len(got) != 2 || got[0] != (api.Rate{Events: events, Bytes: bytes}) || got[1] != (api.Rate{}) {
				t.Errorf("%s: got %v, want %v and %v", when, got, events, bytes)
			}
		}
		expect("after one sample", 0, 0)
		stats[0].Done(time.Now(), 100, 1000, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expect("after two seconds", 50, 500)
		time.Sleep(8 * time.Second)
		synctest.Wait()
		expect("after ten seconds", 10, 100)
		time.Sleep(time.Second)
		synctest.Wait()
		expect("when it is long ago", 0, 0)
		cancel()
	})
}
