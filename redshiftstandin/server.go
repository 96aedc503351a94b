package redshiftstandin

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// Objects is where COPY reads manifests and data files, by their s3:// URL.
// The error of an object that does not exist wraps fs.ErrNotExist.
type Objects interface {
	Get(ctx context.Context, url string) ([]byte, error)
}

// Isolation is how a database keeps transactions apart.
type Isolation uint8

const (
	// Serializable refuses, with error 1023, a write to a table that another
	// transaction has changed since the writer's snapshot. Redshift looks for
	// cycles, so it refuses less.
	Serializable Isolation = iota
	// Snapshot refuses only changes to the same rows. It is Redshift's
	// default on Serverless, and on clusters made since May 2024.
	Snapshot
)

// Options are what can be set. The zero value is a server on a free port of
// the loopback interface that lets everybody in.
type Options struct {
	Objects   Objects
	Isolation Isolation
	// PgxArguments makes the server report standard_conforming_strings=on and
	// client_encoding=UTF8, which Redshift does not, so that pgx sends
	// arguments by the simple protocol. Then backslashes in strings are plain,
	// as pgx takes for granted.
	PgxArguments bool
	// LockTimeout ends a wait for a table lock; 0: only statement_timeout does.
	LockTimeout time.Duration
	// User and Password are asked for if Password is not empty.
	User, Password string
	// TLS is offered if it is not nil.
	TLS *tls.Config
	// HideLoadErrors leaves SYS_LOAD_ERROR_DETAIL and STL_LOAD_ERRORS empty, as
	// they are for a user who may not see them.
	HideLoadErrors bool
	// Address to listen at; "127.0.0.1:0" by default.
	Address string
}

// Server is a stand-in for a Redshift database in memory.
type Server struct {
	options  Options
	db       *sql.DB
	listener net.Listener
	locks    *locks
	running  sync.WaitGroup

	committing sync.Mutex // held while a commit is made and stamped

	mu       sync.Mutex // guards what follows
	sessions map[int32]*session
	counter  int64 // ids of transactions, queries and sessions
	seq      int64 // commits
	stamps   map[string]stamp
	faults   []Fault
	loads    []loadError
	closed   bool
}

// stamp is the last commit to a table.
type stamp struct{ seq, by int64 }

// setup is what every database holds. The pulse is what a transaction looks at
// to take its snapshot.
var setup = []string{
	"SET GLOBAL TimeZone = 'UTC'",
	"SET threads = 2",
	"SET memory_limit = '512MB'",
	"SET autoinstall_known_extensions = false",
	"SET autoload_known_extensions = false",
	"SET enable_external_access = false",
	"CREATE SCHEMA _standin",
	"CREATE TABLE _standin.pulse (i INTEGER)",
	"CREATE SCHEMA public",
}

// Start starts a server.
func Start(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("start the Redshift stand-in: %w", err)
	}
	s := &Server{
		options: o, db: sql.OpenDB(connector), locks: newLocks(),
		sessions: map[int32]*session{}, stamps: map[string]stamp{}, counter: 1000,
	}
	for _, statement := range append(setup, macros...) {
		if _, err := s.db.Exec(statement); err != nil {
			return nil, errors.Join(fmt.Errorf("start the Redshift stand-in: %s: %w", statement, err), s.db.Close())
		}
	}
	if err := register(s.db); err != nil {
		return nil, errors.Join(fmt.Errorf("start the Redshift stand-in: %w", err), s.db.Close())
	}
	if s.listener, err = net.Listen("tcp", o.Address); err != nil {
		return nil, errors.Join(fmt.Errorf("start the Redshift stand-in: %w", err), s.db.Close())
	}
	s.running.Go(s.accept)
	return s, nil
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.serve(c) })
	}
}

// Addr is the server's address, "host:port".
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is a connection string for PostgreSQL clients.
func (s *Server) URL() string {
	user := "dev"
	if s.options.User != "" {
		user = s.options.User
	}
	if s.options.Password != "" {
		user += ":" + s.options.Password
	}
	mode := "disable"
	if s.options.TLS != nil {
		mode = "require"
	}
	return fmt.Sprintf("postgres://%s@%s/dev?sslmode=%s", user, s.Addr(), mode)
}

// Close cuts all connections and drops the database.
func (s *Server) Close() error {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	for _, open := range s.sessions {
		open.stop()
		open.interrupt("the server is closed")
	}
	s.mu.Unlock()
	if already {
		return nil
	}
	err := s.listener.Close()
	s.running.Wait()
	return errors.Join(err, s.db.Close())
}

// next returns a number that was not used yet.
func (s *Server) next() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counter++
	return s.counter
}

func (s *Server) commits() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

func (s *Server) lastCommit(table string) (at, by int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stamps[table].seq, s.stamps[table].by
}

// stamp notes a commit on the tables that it changed.
func (s *Server) stamp(tables map[string]bool, by int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(tables) > 0 {
		s.seq++
	}
	for t := range tables {
		s.stamps[t] = stamp{s.seq, by}
	}
}
