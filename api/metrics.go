package api

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics serves the status, and what Go knows of the process, to Prometheus.
// Log types come from the network and may be countless, so none is a label.
func (s *server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		&statusCollector{s.Options},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorLog: errorLog{s.Options}})
}

type errorLog struct{ Options }

func (l errorLog) Println(v ...any) { l.Log.Error("serve metrics", "error", v) }

// stageMetric is one number of every stage.
type stageMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*StageStatus) (float64, bool) // false: there is none
}

func perStage(name, help string, kind prometheus.ValueType, value func(*StageStatus) (float64, bool)) stageMetric {
	return stageMetric{prometheus.NewDesc("ikada_"+name, help, []string{"stage"}, nil), kind, value}
}

func counts(name, help string, value func(*StageStatus) int64) stageMetric {
	return perStage(name, help, prometheus.CounterValue, func(s *StageStatus) (float64, bool) { return float64(value(s)), true })
}

func waits(name, help string, value func(*StageStatus) int64) stageMetric {
	return perStage(name, help, prometheus.GaugeValue, func(s *StageStatus) (float64, bool) { return float64(value(s)), s.Backlog.Unknown == "" })
}

func moment(name, help string, value func(*StageStatus) time.Time) stageMetric {
	return perStage(name, help, prometheus.GaugeValue, func(s *StageStatus) (float64, bool) {
		t := value(s)
		return seconds(t), !t.IsZero()
	})
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

var stageMetrics = []stageMetric{
	counts("stage_events_total", "Events that the stage has handled.", func(s *StageStatus) int64 { return s.Events }),
	counts("stage_bytes_total", "Bytes that the stage has handled.", func(s *StageStatus) int64 { return s.Bytes }),
	counts("stage_runs_total", "Successful runs of the stage: batches, bundles, plans, loads.", func(s *StageStatus) int64 { return s.Runs }),
	counts("stage_errors_total", "Errors that the stage survived.", func(s *StageStatus) int64 { return s.Errors }),
	counts("stage_duplicates_dropped_total", "Events dropped because they were there already.", func(s *StageStatus) int64 { return s.Dropped }),
	counts("stage_quarantined_total", "Records set aside: they are no valid event, or the warehouse refused them.", func(s *StageStatus) int64 { return s.Quarantined }),
	perStage("stage_busy_seconds_total", "Time spent in successful runs. Divided by runs it is their latency.", prometheus.CounterValue,
		func(s *StageStatus) (float64, bool) { return s.Busy.Seconds(), true }),
	moment("stage_last_success_timestamp_seconds", "When the stage last succeeded.", func(s *StageStatus) time.Time { return s.LastSuccess }),
	moment("stage_last_error_timestamp_seconds", "When the stage last failed.", func(s *StageStatus) time.Time { return s.LastErrorAt }),
	waits("backlog_messages", "Messages that wait for the stage.", func(s *StageStatus) int64 { return s.Backlog.Messages }),
	waits("backlog_files", "Files that wait for the stage.", func(s *StageStatus) int64 { return s.Backlog.Files }),
	waits("backlog_bytes", "Bytes that wait for the stage.", func(s *StageStatus) int64 { return s.Backlog.Bytes }),
	moment("backlog_oldest_timestamp_seconds", "When the oldest of what waits for the stage came.", func(s *StageStatus) time.Time { return s.Backlog.Oldest }),
}

var (
	oldestUnloadedAge = prometheus.NewDesc("ikada_oldest_unloaded_age_seconds", "Age of the oldest event that is in no table yet (without a warehouse: not in the archive); 0 if every event is, absent if that cannot be told.", nil, nil)
	logTypes          = prometheus.NewDesc("ikada_log_types", "Log types that were loaded or wait for it.", nil, nil)
	failingTypes      = prometheus.NewDesc("ikada_log_types_failing", "Log types whose last load failed.", nil, nil)
	auditTime         = prometheus.NewDesc("ikada_audit_timestamp_seconds", "When the last audit was made that Ikada made by itself.", nil, nil)
	auditGaps         = prometheus.NewDesc("ikada_audit_gaps", "Places where conservation did not hold in the last audit.", nil, nil)
	auditGapRows      = prometheus.NewDesc("ikada_audit_gap_rows", "Rows that these places concern, as far as known.", nil, nil)
	buildInfo         = prometheus.NewDesc("ikada_build_info", "Version of the program; always 1.", []string{"version"}, nil)
	startTime         = prometheus.NewDesc("ikada_start_timestamp_seconds", "When the pipeline was started.", nil, nil)
)

// scrapeTimeout is the default of Prometheus.
const scrapeTimeout = 10 * time.Second

// statusCollector reads the status at each scrape.
type statusCollector struct{ Options }

func (c *statusCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range stageMetrics {
		out <- m.desc
	}
	for _, d := range []*prometheus.Desc{oldestUnloadedAge, logTypes, failingTypes, auditTime, auditGaps, auditGapRows, buildInfo, startTime} {
		out <- d
	}
}

func (c *statusCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout) // the interface has no context
	defer cancel()
	status := c.Status(ctx)
	for i := range status.Stages {
		stage := &status.Stages[i]
		for _, m := range stageMetrics {
			if v, ok := m.value(stage); ok {
				out <- prometheus.MustNewConstMetric(m.desc, m.kind, v, stage.Name)
			}
		}
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	failing := 0
	for _, t := range status.Types {
		if t.Error != "" {
			failing++
		}
	}
	switch oldest := status.OldestUnloaded; {
	case !oldest.IsZero():
		gauge(oldestUnloadedAge, max(time.Since(oldest).Seconds(), 0))
	case status.Unknown() == "":
		gauge(oldestUnloadedAge, 0)
	}
	gauge(logTypes, float64(len(status.Types)))
	gauge(failingTypes, float64(failing))
	if a := status.Audit; a != nil && !a.At.IsZero() {
		gauge(auditTime, seconds(a.At))
		gauge(auditGaps, float64(a.Gaps))
		gauge(auditGapRows, float64(a.GapRows))
	}
	gauge(buildInfo, 1, c.Version)
	if !status.Started.IsZero() {
		gauge(startTime, seconds(status.Started))
	}
}
