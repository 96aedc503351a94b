package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ikada-io/ikada/stream"
)

// startServer runs a server on a directory and returns when it has recovered
// what the directory holds.
func startServer(ctx context.Context, dir string, log *slog.Logger) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName:      "ikada",
		DontListen:      true,
		NoSigs:          true,
		NoSystemAccount: true,              // nobody listens to its reports
		MaxPayload:      stream.MaxMessage, // headers counted, but ours have none
		// The bytes that may wait for one of our own connections: every reader
		// may have a batch there.
		MaxPending: 1 << 30,
		JetStream:  true,
		StoreDir:   dir,
		SyncAlways: true,
		// The shards' own limits bound the disk; these only have to be out of the way.
		JetStreamMaxStore:      1 << 60,
		JetStreamMaxMemory:     1 << 30,
		StreamMaxBufferedSize:  4 * maxOutstanding,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("configure the embedded server: %w", err)
	}
	logs := &serverLog{log: log}
	srv.SetLoggerV2(logs, false, false, false)

	before, err := blockBytes(dir)
	if err != nil {
		return nil, errors.Join(err, stopServer(srv))
	}
	started := make(chan struct{})
	go func() {
		srv.Start()
		close(started)
	}()
	select {
	case <-started:
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("start the embedded server: %w", ctx.Err()), stopServer(srv))
	}
	if err := logs.fatal(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the embedded server: %w", err), stopServer(srv))
	}
	if !srv.Running() || !srv.JetStreamEnabled() {
		return nil, errors.Join(errors.New("start the embedded server: it did not come up"), stopServer(srv))
	}
	// The server cuts a file where it finds a record half written or damaged,
	// without a word. The first is no loss, since it was not acknowledged.
	if after, err := blockBytes(dir); err != nil {
		return nil, errors.Join(err, stopServer(srv))
	} else if after < before {
		log.Warn("recovery cut the end of the stream's files: a message half written by a killed process, or damaged ones", "bytes", before-after)
	}
	return srv, nil
}

// blockBytes adds up the files that hold messages.
func blockBytes(dir string) (n int64, err error) {
	blocks, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	if err != nil {
		return 0, fmt.Errorf("list the stream's files in %s: %w", dir, err)
	}
	for _, block := range blocks {
		info, err := os.Stat(block)
		if err != nil {
			return 0, fmt.Errorf("size of the stream's files: %w", err)
		}
		n += info.Size()
	}
	return n, nil
}

func stopServer(srv *server.Server) error {
	stopped := make(chan struct{})
	go func() {
		srv.Shutdown()
		srv.WaitForShutdown()
		close(stopped)
	}()
	select {
	case <-stopped:
		return nil
	case <-time.After(closeTimeout):
		return fmt.Errorf("the embedded server did not stop in %s; acknowledged messages are on disk", closeTimeout)
	}
}

// connect opens a connection inside the process.
func connect(srv *server.Server, name string) (*nats.Conn, jetstream.JetStream, error) {
	nc, err := nats.Connect("", nats.InProcessServer(srv), nats.Name("ikada "+name), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the embedded server: %w", err)
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(apiTimeout))
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("connect to the embedded server: %w", err)
	}
	return nc, js, nil
}

// serverLog hands the server's log on. The server calls Fatalf where it would
// end the process; ours must go on, and startServer asks for the reason.
type serverLog struct {
	log *slog.Logger

	mu  sync.Mutex
	err error
}

func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *serverLog) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = fmt.Errorf(format, v...)
}

func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error("jetstream: " + fmt.Sprintf(format, v...))
}

func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Warn("jetstream: " + fmt.Sprintf(format, v...))
}

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("jetstream: " + fmt.Sprintf(format, v...))
}

// The server does not call these: debug and trace are off.
func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}
