package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/internal/endpoints"
)

const defaultForward = "127.0.0.1:24224"

// sendFlags are where to send, and as what.
type sendFlags struct {
	logType, to, data         string
	sharedKey, user, password string
	tls                       bool
}

func (a *app) send() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send --type TYPE [FILE…]",
		Short: "Send events from files or standard input",
		Long: `Send newline-delimited JSON to an Ikada, over the Forward protocol, each chunk
acknowledged when it is on disk there and sent again if it is not. Without files,
or with -, events are read from standard input.

An event's time is found as over HTTP: the first of its fields time, timestamp and
@timestamp that holds a time (such as 2026-11-29T10:00:00+09:00, the same with a
space for the T or without an offset, which is UTC, or seconds, milli-, micro- or
nanoseconds since 1970), if that is in 2000 or later and at most 366 days ahead. Else
it is that of the arrival.

A line that is no JSON object, or holds a number that the protocol cannot carry
exactly, is reported and not sent; the others are, and the exit code is 1.`,
		Example: `  ikada send --type nginx.access access.ndjson
  zcat old.ndjson.gz | ikada send --type app.access --to logs.example.com:24224 --tls --shared-key KEY`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if f.logType == "" {
				return usage("--type is missing: it names the log type of the events, such as app.access")
			}
			if _, err := ikada.TypeOf(f.logType); err != nil {
				return usage("--type: %w", err)
			}
			if len(files) == 0 {
				files = []string{"-"}
			}
			return a.sendFiles(cmd.Context(), &f, files)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.logType, "type", "", "log type of the events")
	flags.StringVar(&f.to, "to", "", "`host:port` to send to (default: what --data tells, else "+defaultForward+")")
	flags.StringVar(&f.data, "data", "", "data directory of the running Ikada, which tells where it listens")
	flags.StringVar(&f.sharedKey, "shared-key", "", "key that the server wants to be known (environment IKADA_FORWARD_SHARED_KEY)")
	flags.StringVar(&f.user, "user", "", "user, if the server wants one")
	flags.StringVar(&f.password, "password", "", "the user's password")
	flags.BoolVar(&f.tls, "tls", false, "use TLS; the environment SSL_CERT_FILE names an authority of your own")
	return cmd
}

func (a *app) sendFiles(ctx context.Context, f *sendFlags, files []string) error {
	to, err := f.address(a.env)
	if err != nil {
		return err
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	bar, complain := a.progress(files), &lockedWriter{w: a.err}
	var acked atomic.Int64
	opts := forwardclient.Options{
		SharedKey: f.sharedKey, User: f.user, Password: f.password,
		Acked:  func(events int, _ time.Duration) { acked.Add(int64(events)) },
		Failed: complaints(to, &acked, func(line string) { bar.print(complain, line) }, giveUp),
	}
	if opts.SharedKey == "" {
		opts.SharedKey = getenv(a.env, "IKADA_FORWARD_SHARED_KEY")
	}
	if f.tls {
		host, _, err := net.SplitHostPort(to)
		if err != nil {
			return usage("--to %q: want host:port", to)
		}
		opts.TLS = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	client, err := forwardclient.Dial(ctx, to, opts)
	if err != nil {
		return fmt.Errorf("%w: %s", err, connectHint(err, f.tls))
	}
	in := newInput(client, f.logType, complain, bar)
	err = errors.Join(in.files(ctx, files, a.in), client.Close(ctx))
	bar.end()
	if cause := context.Cause(ctx); errors.Is(cause, errNoAck) {
		err = cause // and not that the sending was broken off
	}
	fmt.Fprintf(a.out, "%s events acknowledged\n", cli.Count(acked.Load()))
	if err != nil {
		return err
	}
	if in.bad > 0 {
		return fmt.Errorf("%s not sent: correct and send again, or POST to /v1/logs/%s, which sets aside what is no event", cli.Many(in.bad, "bad line"), f.logType)
	}
	return nil
}

// address is where to send to.
func (f *sendFlags) address(env []string) (string, error) {
	if f.to != "" {
		return f.to, nil
	}
	dir, err := dataDir(f.data, env)
	if err != nil {
		return "", err
	}
	at, err := endpoints.Read(dir)
	switch {
	case err == nil && at.Forward != "":
		return at.Forward, nil
	case err == nil:
		return "", fmt.Errorf("the Ikada of %s does not listen for Forward: start it with --forward", dir)
	case errors.Is(err, endpoints.ErrNotRunning) && f.data == "":
		return defaultForward, nil
	}
	return "", err
}

// progress is a bar on a terminal, and nothing elsewhere.
type progress struct{ bar *progressbar.ProgressBar }

// progress makes the bar for files: in bytes, if their sizes are known.
func (a *app) progress(files []string) progress {
	if _, ok := terminal(a.err); !ok {
		return progress{}
	}
	var size int64
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			size = -1
			break
		}
		size += info.Size()
	}
	return progress{progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionSetDescription("sending"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

func (p progress) add(bytes int) {
	if p.bar != nil {
		_ = p.bar.Add(bytes) // it is only a picture
	}
}

func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// print writes a line without breaking the bar.
func (p progress) print(w io.Writer, line string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintln(w, line)
}
