package route

import (
	"maps"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/plan"
)

// Of three log types one is partitioned by day: the segments of its two hours
// are in one file a class, those of the others in a file each.
func TestALogTypeByDayHasOneFileForItsHours(t *testing.T) {
	w := newWorld(t)
	w.deliver(laneA, 1, 3)
	o := w.options()
	o.ByDay = func(of ikada.LogType) bool { return of == "app.1" }
	w.once(w.router(o))
	if got := w.archived(); !maps.Equal(got, w.sent) {
		t.Errorf("%d lines are archived, %d were sent, or they differ", len(got), len(w.sent))
	}
	type part struct {
		folder string
		hours  int
		hour   ikada.Hour
		class  ikada.Class
	}
	files := map[part]int{}
	for key := range w.archive.objects(t) {
		a, err := plan.ParseArchiveKey(key)
		if err != nil {
			t.Fatal(err)
		}
		files[part{a.Folder, a.Hours, a.Hour, a.Class}]++
	}
	hour := ikada.HourOf(noon)
	want := map[part]int{
		{"app.0", 1, hour, ikada.Plain}: 1, {"app.0", 1, hour - 1, ikada.Plain}: 1, {"app.0", 1, hour, ikada.Hard}: 1,
		{"app.1", 24, hour - 12, ikada.Plain}: 1, {"app.1", 24, hour - 12, ikada.Hard}: 1,
		{"app.2", 1, hour, ikada.Plain}: 1, {"app.2", 1, hour - 1, ikada.Plain}: 1,
	}
	if !maps.Equal(files, want) {
		t.Errorf("got files %v, want %v", files, want)
	}
}
