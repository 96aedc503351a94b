package pipeline

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/proc"
)

// runFor runs a pipeline that drains within a limit; end ends it, and tells how
// long that took.
func runFor(t *testing.T, limit time.Duration) (p *Pipeline, log *proc.Output, end func() time.Duration) {
	t.Helper()
	text := fmt.Sprintf("data: %s\nforward: {listen: '127.0.0.1:0'}\nhttp: {listen: '127.0.0.1:0'}\nshutdown: {timeout: %s}\n", t.TempDir(), limit)
	cfg, err := config.Read("ikada.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	log = new(proc.Output)
	if p, err = Open(t.Context(), cfg, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	return p, log, func() time.Duration {
		t.Helper()
		start := time.Now()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		return time.Since(start)
	}
}

// begin opens a connection and sends the beginning of something.
func begin(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	if _, err := io.WriteString(nc, text); err != nil {
		t.Fatal(err)
	}
	return nc
}

func TestShutdownWithoutTimeWaitsForNoSender(t *testing.T) {
	p, log, end := runFor(t, 0)
	begin(t, p.Endpoints().Forward, "\x93\xa3a")
	for p.inputs.forward.Counts.Open.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if took := end(); took > 5*time.Second { // the rest of a second, on a slow machine
		t.Errorf("took %s:\n%s", took, log)
	}
}

// An unfinished request holds the inputs up for their third of the time: that
// is part of the shutdown, so it begins before and counts.
func TestShutdownIsToldFromItsStartToItsEnd(t *testing.T) {
	const limit = 3 * time.Second
	p, log, end := runFor(t, limit)
	nc := begin(t, strings.TrimPrefix(p.Endpoints().HTTP, "http://"), "POST /v1/logs/a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
	if _, err := nc.Read(make([]byte, 1)); err != nil { // of "100 Continue": the body is wanted
		t.Fatal(err)
	}
	began := make(chan time.Time, 1)
	go func() {
		for !strings.Contains(log.String(), "draining limit=3s") {
			time.Sleep(time.Millisecond)
		}
		began <- time.Now()
	}()
	took := end()
	early := took - time.Since(<-began)
	text := log.String()
	if early > limit/3/2 {
		t.Errorf("told of draining %s after it began, of %s:\n%s", early, took, text)
	}
	_, whole, _ := strings.Cut(text, "msg=drained took=")
	whole, closed, _ := strings.Cut(whole, "\n")
	if d, err := time.ParseDuration(whole); err != nil || d < limit/3 || !strings.Contains(closed, "msg=closed took=") {
		t.Errorf("the inputs had a second:\n%s", text)
	}
}
