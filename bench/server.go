package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/internal/proc"
)

// server is `ikada up` as a process of its own, so that the client's cost is
// not counted.
type server struct {
	cmd *exec.Cmd
	dir string
	at  endpoints.Endpoints
	log bytes.Buffer

	client *cli.Client
}

func (b *bench) startServer(ctx context.Context, dir string, flags ...string) (*server, error) {
	s := &server{dir: dir}
	args := append([]string{"up", "--data", dir, "--forward", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-level", "warn"}, flags...)
	if b.quickly { // few events need not wait for more
		args = append(args, "--buffer-flush", "100ms", "--route-interval", "100ms", "--load-age", "100ms")
	}
	s.cmd = exec.CommandContext(ctx, b.binary, args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", b.binary, err)
	}
	for range 200 {
		time.Sleep(50 * time.Millisecond)
		at, err := endpoints.Read(dir)
		if err != nil || at.PID != s.cmd.Process.Pid {
			continue
		}
		if resp, err := http.Get(at.HTTP + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				s.at = at
				s.client, err = cli.NewClient(at.HTTP, "")
				return s, err
			}
		}
	}
	s.kill()
	return nil, fmt.Errorf("server is not ready:\n%s", s.log.String())
}

// stop drains the server.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("stop server: %w\n%s", err, s.log.String())
	}
	return nil
}

// cpu returns the processor time that the server has used.
func (s *server) cpu() (time.Duration, error) { return proc.CPU(s.cmd.Process.Pid) }

// peak returns the greatest resident memory so far, in bytes.
func (s *server) peak() (int64, error) { return proc.Peak(s.cmd.Process.Pid) }

func (s *server) kill() { kill(s.cmd) }

// kill ends a process that was started and not stopped.
func kill(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// watch ends the context once a stage has only failed for a minute, as with a
// full disk: the client would send again for ever.
func (s *server) watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	type run struct {
		runs, errors int64
		since        time.Time
	}
	progress := map[string]run{}
	go func() {
		for ctx.Err() == nil {
			time.Sleep(5 * time.Second)
			status, err := s.client.Status(ctx)
			if err != nil {
				continue // who asks next is told
			}
			for _, g := range status.Stages {
				p, ok := progress[g.Name]
				if !ok || p.runs != g.Runs {
					progress[g.Name] = run{g.Runs, g.Errors, time.Now()}
				} else if g.Errors > p.errors+3 && time.Since(p.since) > time.Minute {
					cancel(fmt.Errorf("stage %s fails since %s: %s", g.Name, p.since.Format(time.TimeOnly), g.LastError))
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// waitFor waits until a stage has passed on so many events.
func (s *server) waitFor(ctx context.Context, stage string, events int64) error {
	for {
		status, err := s.client.Status(ctx)
		if err != nil {
			return fmt.Errorf("ask the server: %w", cmp.Or(context.Cause(ctx), err))
		}
		i := slices.IndexFunc(status.Stages, func(g api.StageStatus) bool { return g.Name == stage })
		if i < 0 {
			return fmt.Errorf("the server has no stage %s", stage)
		}
		switch n := status.Stages[i].Events; {
		case n == events:
			return nil
		case n > events:
			return fmt.Errorf("%s has passed on %d events, but %d were sent", stage, n, events)
		case ctx.Err() != nil:
			return fmt.Errorf("%s has %d of %d events: %w\n%s", stage, n, events, context.Cause(ctx), s.log.String())
		}
		time.Sleep(100 * time.Millisecond) // an answer costs the server a millisecond or two
	}
}

// query returns the first column of all rows.
func (s *server) query(ctx context.Context, sql string) (values []json.RawMessage, err error) {
	rows, err := s.client.Query(ctx, sql, 0)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", sql, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", sql, err)
		}
		values = append(values, row[0])
	}
}

// union makes one statement of the same one for each log type's table; nothing
// without tables.
func (s *server) union(ctx context.Context, format string) (string, error) {
	names, err := s.query(ctx, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND NOT internal AND table_name <> '_quarantine'")
	if err != nil {
		return "", err
	}
	parts := make([]string, len(names))
	for i, name := range names { // a text in JSON is an identifier in quotes, for these names
		parts[i] = fmt.Sprintf(format, name)
	}
	return strings.Join(parts, " UNION ALL "), nil
}

// checkRows counts the rows of all tables.
func (s *server) checkRows(ctx context.Context, want int64) error {
	counts, err := s.union(ctx, "SELECT count(*) AS n FROM %s")
	if err != nil {
		return err
	}
	got, err := s.query(ctx, "SELECT sum(n)::BIGINT FROM ("+counts+")")
	if err != nil {
		return err
	}
	if len(got) != 1 || string(got[0]) != strconv.FormatInt(want, 10) {
		return fmt.Errorf("the tables have %s rows, but %d events were sent", got, want)
	}
	return nil
}
