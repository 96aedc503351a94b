package pipeline

import (
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/config"
)

func TestLogTypesAreKeptAsTheSettingsSay(t *testing.T) {
	if keepsLess(&config.Retention{}) || keepsLess(&config.Retention{TableByType: map[string]time.Duration{"a": 0}}) {
		t.Error("something is deleted though nobody says so")
	}
	c := &config.Retention{
		Archive: 90 * time.Hour, ArchiveByType: map[string]time.Duration{"a": 0, "b": 5 * time.Hour}, TableByType: map[string]time.Duration{"b": 7 * time.Hour},
	}
	if !keepsLess(c) || !keepsLess(&config.Retention{TableByType: c.TableByType}) || !keepsLess(&config.Retention{Table: 1}) {
		t.Error("nothing is deleted")
	}
	for name, want := range map[string][2]time.Duration{"a": {0, 0}, "b": {5 * time.Hour, 7 * time.Hour}, "c": {90 * time.Hour, 0}} {
		archive, table := keepOf(c)(ikada.LogType(name))
		if archive != want[0] || table != want[1] {
			t.Errorf("%s: kept for %v and %v, want %v", name, archive, table, want)
		}
	}
}

func TestWhoHasNoWarehouseOpenDeletesNothing(t *testing.T) {
	s := &store{cfg: &config.Config{Retention: config.Retention{Archive: time.Hour}, Warehouse: config.Warehouse{Kind: "duckdb"}}}
	if err := s.runRetention(t.Context()); err != nil { // or it would look at buckets that are not there
		t.Error(err)
	}
}
