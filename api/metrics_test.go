package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ikada-io/ikada/api"
)

func TestMetricsAreThoseOfTheStatus(t *testing.T) {
	o := options()
	o.Version = "1.2.3"
	_, body := do(t, serve(t, o), "GET", "/metrics", "")
	for _, want := range []string{
		`ikada_stage_events_total{stage="collect"} 10`,
		`ikada_stage_bytes_total{stage="collect"} 2000`,
		`ikada_stage_runs_total{stage="collect"} 2`,
		`ikada_stage_duplicates_dropped_total{stage="collect"} 1`,
		`ikada_stage_busy_seconds_total{stage="collect"} 1.5`,
		`ikada_stage_errors_total{stage="load"} 1`,
		`ikada_stage_quarantined_total{stage="load"} 3`,
		`ikada_stage_last_success_timestamp_seconds{stage="collect"} 1.7954028e+09`,
		`ikada_backlog_messages{stage="load"} 4`,
		`ikada_backlog_files{stage="load"} 5`,
		`ikada_backlog_bytes{stage="load"} 600`,
		`ikada_log_types 2`,
		`ikada_audit_gaps 2`,
		`ikada_audit_gap_rows 70`,
		`ikada_audit_timestamp_seconds 1.7954028e+09`,
		`ikada_log_types_failing 1`,
		`ikada_build_info{version="1.2.3"} 1`,
		`go_goroutines `,
		`process_cpu_seconds_total `,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(body, `ikada_stage_last_success_timestamp_seconds{stage="load"}`) {
		t.Error("a stage that never succeeded has a time of success")
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("got problems %v, %v", problems, err)
	}
}

func TestAgeOfTheOldestUnloadedEvent(t *testing.T) {
	o := options()
	o.Status = func(context.Context) api.Status { return api.Status{} }
	if _, body := do(t, serve(t, o), "GET", "/metrics", ""); !strings.Contains(body, "\nikada_oldest_unloaded_age_seconds 0\n") {
		t.Error("want 0 when every event is in its table")
	}
	o.Status = func(context.Context) api.Status { return api.Status{OldestUnloaded: time.Now().Add(-time.Hour)} }
	if _, body := do(t, serve(t, o), "GET", "/metrics", ""); !strings.Contains(body, "\nikada_oldest_unloaded_age_seconds 36") {
		t.Error("want some 3600 for an event of an hour ago")
	}
	o.Status = func(context.Context) api.Status {
		return api.Status{Stages: []api.StageStatus{{Name: "route", Backlog: api.Backlog{Unknown: "what waits to be routed: no permission"}}}}
	}
	if _, body := do(t, serve(t, o), "GET", "/metrics", ""); strings.Contains(body, "\nikada_oldest_unloaded_age_seconds") || strings.Contains(body, "\nikada_backlog_files") {
		t.Error("what cannot be told passes for nothing")
	}
}
