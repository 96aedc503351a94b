package pipeline

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/route"
)

// startArchiving runs a pipeline without a warehouse.
func startArchiving(t *testing.T) *Pipeline {
	t.Helper()
	settings := `
forward: {listen: "off"}
http: {listen: "127.0.0.1:0"}
buffer: {flush: 50ms}
route: {interval: 50ms}
warehouse: {kind: none}
`
	cfg, err := config.Read("ikada.yaml", []byte("data: "+t.TempDir()+"\n"+settings), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestStatusWithoutAWarehouseEndsWithTheArchive(t *testing.T) {
	p := startArchiving(t)
	post(t, p, "app.access", `{"n":1}`, `{"n":2}`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ; ; time.Sleep(20 * time.Millisecond) {
		s := p.Status(ctx)
		last := &s.Stages[len(s.Stages)-1]
		if s.Loads() || last.Name != "route" {
			t.Fatalf("the last stage is %s", last.Name)
		}
		if last.Events == 2 && s.OldestUnloaded.IsZero() {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("got %+v", s)
		}
	}
}

// What a replay brings into another table is not of a log type of that name.
func TestLogTypesAreThoseThatLoadOrWait(t *testing.T) {
	w := pipetest.New(t)
	w.Send("app.access", `{"n":1}`)
	w.Load()
	for _, of := range []ikada.LogType{"app.access.again", "app.waits", "app.fails", ikada.Quarantine} {
		w.Check(w.Warehouse.Extend(t.Context(), of, nil))
	}
	s := &store{cfg: &config.Config{}, log: slog.New(slog.DiscardHandler), warehouse: w.Warehouse}
	var got []ikada.LogType
	for _, y := range s.types(t.Context(), []load.Backlog{{Type: "app.waits", Manifests: 1}, {Type: "app.fails", Error: "disk full"}}) {
		got = append(got, y.Type)
	}
	if want := []ikada.LogType{ikada.Quarantine, "app.access", "app.fails", "app.waits"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRouteWorkerTellsWhoToAskForTables(t *testing.T) {
	cfg, err := config.Read("ikada.yaml", []byte("data: "+t.TempDir()+"\nhttp: {listen: \"off\"}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := OpenRoute(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.close() }()
	answer := httptest.NewRecorder()
	w.handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/types", nil))
	if answer.Code != 404 || !strings.Contains(answer.Body.String(), "ask where the stage load runs") {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
}

// A bucket that cannot be listed is no sign that nothing waits.
func TestABacklogThatCannotBeToldIsNotNone(t *testing.T) {
	refuses := fault.New(mem.New(), fault.Options{Hook: func(fault.Op, string) fault.Outcome { return fault.FailBefore }})
	r := route.New(refuses, mem.New(), mem.New(), route.Options{})
	s := api.Status{Stages: []api.StageStatus{{Name: "route", Backlog: routeBacklog(t.Context(), r, slog.New(slog.DiscardHandler))}}}
	if !strings.Contains(s.Unknown(), "what waits to be routed") {
		t.Errorf("got %q", s.Unknown())
	}
}
