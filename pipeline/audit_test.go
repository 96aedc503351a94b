package pipeline

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ikada-io/ikada/audit"
	bucketfault "github.com/ikada-io/ikada/bucket/fault"
	"github.com/ikada-io/ikada/config"
)

func TestTheLastAuditIsToldAndLogged(t *testing.T) {
	w := newWorld(t, 60)
	if err := w.process(t.Context(), &faults{process: bucketfault.NewProcess(0, bucketfault.Pass)}); err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	cfg := &config.Config{Audit: config.Audit{Due: time.Minute}}
	p := &Pipeline{store: store{cfg: cfg, log: slog.New(slog.NewTextHandler(&logged, nil)), bufferBucket: w.buffer, archive: w.archive, manifests: w.manifests, warehouse: w.warehouse}}
	if p.audits.status() != nil {
		t.Error("there is a status of audits that are never made")
	}
	p.audits.every, p.audits.since, p.audits.run = time.Hour, time.Hour, p.auditWith(nil)
	if s := p.audits.status(); s == nil || !s.At.IsZero() {
		t.Errorf("before the first: %+v", s)
	}
	p.auditOnce(t.Context())
	if s := p.audits.status(); !s.Holds || s.At.IsZero() || s.Gaps != 0 || logged.Len() > 0 {
		t.Errorf("got %+v, logged %s", s, logged.String())
	}
	for info, err := range w.archive.List(t.Context(), "type.1/dt=", "") {
		if err == nil {
			err = w.archive.Delete(t.Context(), info.Key)
		}
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	p.auditOnce(t.Context())
	if s := p.audits.status(); s.Holds || s.Gaps != 1 || s.GapRows == 0 || !strings.Contains(logged.String(), "conservation does not hold: archive file") {
		t.Errorf("got %+v, logged %s", s, logged.String())
	}
	p.audits.run = func(context.Context, audit.Options) (*audit.Report, error) { return nil, errors.New("no bucket") }
	p.auditOnce(t.Context())
	if s := p.audits.status(); s.Holds || s.Gaps != 1 || s.Error != "no bucket" {
		t.Errorf("after a failure: %+v", s)
	}
}

func TestAuditsAreMadeNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pipeline{store: store{log: slog.New(slog.DiscardHandler)}}
		var at []time.Duration
		start := time.Now()
		p.audits.every, p.audits.since = time.Hour, 3*time.Hour
		p.audits.run = func(_ context.Context, o audit.Options) (*audit.Report, error) {
			if now := time.Now(); now.Sub(o.Since) != 3*time.Hour || o.Deep {
				t.Errorf("asked for %+v", o)
			}
			at = append(at, time.Since(start))
			return &audit.Report{At: time.Now(), Holds: true}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Minute)
		defer cancel()
		if err := p.runAudits(ctx); err != nil {
			t.Error(err)
		}
		if len(at) != 3 || at[0] != time.Minute || at[2] != 121*time.Minute {
			t.Errorf("audits at %v", at)
		}
		p.audits.every = 0
		if err := p.runAudits(t.Context()); err != nil || len(at) != 3 {
			t.Errorf("when there are none: %v, %v", at, err)
		}
	})
}
