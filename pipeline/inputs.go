package pipeline

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/collect/forward"
	"github.com/ikada-io/ikada/collect/httpin"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/record"
)

// inputs are the servers, and what they listen on.
type inputs struct {
	forward   *forward.Server
	forwardTo net.Listener // nil if it is off
	heartbeat net.PacketConn
	http      *http.Server
	httpTo    net.Listener // nil if it is off
	scheme    string
}

// front is what the inputs stand on.
type front struct {
	cfg     *config.Config
	log     *slog.Logger
	memory  *collect.Memory
	batcher *collect.Batcher
	http    http.Handler
	ending  func() // called when the HTTP server shuts down
}

// listen binds the addresses, so that a taken port is an error at the start.
func listen(ctx context.Context, f front) (*inputs, error) {
	in := &inputs{scheme: "http"}
	if err := in.listenForward(ctx, f); err != nil {
		in.close()
		return nil, err
	}
	if err := in.listenHTTP(ctx, f); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

func (in *inputs) listenForward(ctx context.Context, f front) (err error) {
	c := f.cfg.Forward
	if c.Listen == "" {
		return nil
	}
	opts := forward.Options{
		SharedKey: c.SharedKey.Reveal(),
		Users:     map[string]string{},
		Hostname:  c.Hostname,
		MaxConns:  c.MaxConnections,
		Drain:     f.cfg.Shutdown.Timeout / 3,
	}
	for user, password := range c.Users {
		opts.Users[user] = password.Reveal()
	}
	if opts.TLS, err = loadTLS("forward.tls", c.TLS); err != nil {
		return err
	}
	if in.forward, err = forward.New(f.batcher, f.memory, f.log.With("stage", "collect"), opts); err != nil {
		return err
	}
	in.forwardTo, in.heartbeat, err = forward.Listen(ctx, c.Listen)
	return err
}

func (in *inputs) listenHTTP(ctx context.Context, f front) (err error) {
	c := f.cfg.HTTP
	if c.Listen == "" {
		return nil
	}
	certificate, err := loadTLS("http.tls", c.TLS)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	if in.httpTo, err = lc.Listen(ctx, "tcp", c.Listen); err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	if certificate != nil {
		in.httpTo, in.scheme = tls.NewListener(in.httpTo, certificate), "https"
	}
	in.http = &http.Server{
		Handler:           f.http,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(f.log.Handler(), slog.LevelWarn),
	}
	in.http.RegisterOnShutdown(f.ending)
	return nil
}

func loadTLS(setting string, c config.TLS) (*tls.Config, error) {
	if !c.Enabled() {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", setting, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// run serves until ctx ends, then answers what is in hand within the time given.
func (in *inputs) run(ctx context.Context, drain time.Duration) error {
	g, ctx := errgroup.WithContext(ctx)
	if in.forwardTo != nil {
		g.Go(func() error { return in.forward.Run(ctx, in.forwardTo, in.heartbeat) })
	}
	if in.httpTo != nil {
		g.Go(func() error {
			if err := in.http.Serve(in.httpTo); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve HTTP: %w", err)
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
			defer cancel()
			if in.http.Shutdown(limit) != nil {
				return in.http.Close() // a tail or a query goes on: cut it
			}
			return nil
		})
	}
	g.Go(func() error { <-ctx.Done(); return nil })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (in *inputs) close() {
	for _, c := range []interface{ Close() error }{in.forwardTo, in.heartbeat, in.httpTo} {
		if c != nil {
			_ = c.Close() // closed already, if the servers ran
		}
	}
}

func (in *inputs) endpoints(started time.Time) endpoints.Endpoints {
	e := endpoints.Endpoints{PID: os.Getpid(), Started: started}
	if in.forwardTo != nil {
		e.Forward = in.forwardTo.Addr().String()
	}
	if in.httpTo != nil {
		e.HTTP = in.scheme + "://" + in.httpTo.Addr().String()
	}
	return e
}

// newMemory is what the inputs share. Messages that it has no room for go into
// files of the data directory.
func newMemory(cfg *config.Config) *collect.Memory {
	m := collect.NewMemory(cfg.Memory.Total, 0)
	m.SpoolIn(cfg.Data)
	return m
}

// logs is the HTTP input.
func logs(cfg *config.Config, log *slog.Logger, b *collect.Batcher, m *collect.Memory) http.Handler {
	return httpin.New(b, m, record.Check, log.With("stage", "collect"), httpin.Options{MaxBody: cfg.HTTP.MaxBody})
}
