// Package redshift is the warehouse in Amazon Redshift, over PostgreSQL's wire
// protocol or the Data API. A load is one COPY of all files of its manifests, in one
// transaction with the ledger:
//
//	LOCK the log type's ledger table; guard: no member is in it
//	COPY; guard: as many rows as the manifests say
//	INSERT a ledger row for each member
//	COMMIT
//
// LOCK comes first because it takes no snapshot: what is read behind it is
// current, under snapshot isolation too. Before a careful load, the files are
// written anew into a scratch bucket, so that every row goes in: what a column
// can't hold is in _rest.
//
// The ledger and the catalog of columns are in a schema of their own, each as
// K tables under one view. Nothing is ever stored elsewhere, so any number of
// processes can load.
package redshift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/warehouse"
)

// Options tell how to reach the database and how to load. Host and IAMRole
// are required, or DSN for all of the first group.
type Options struct {
	Host     string
	Port     int    // 5439 by default
	Database string // "dev" by default
	User     string
	Password Password
	// TLS is PostgreSQL's sslmode: "verify-full" by default.
	TLS string
	// DSN is a connection string in place of the above. It may hold a password.
	DSN Password
	// Login gives user and password of each connection, in place of the above.
	Login Login

	// API is the Data API, in place of a connection.
	API *API

	// Schema holds the log types' tables; "public" by default. LedgerSchema
	// holds the ledger and the catalog; "_ikada" by default.
	Schema, LedgerSchema string
	// LedgerTables is the number K of ledger tables, at most 16; 8 by default.
	// It is fixed when they are made.
	LedgerTables int

	// IAMRole is what COPY reads the buckets with: an ARN, or "default".
	IAMRole string
	// Region is that of the buckets, if it is not the database's.
	Region string
	// Manifests is the manifest bucket. If it is given, a job of one manifest
	// is loaded by that very manifest.
	Manifests bucket.Bucket
	// Unchecked leaves it to S3 and to gzip's checksum that files of a direct
	// load are whole. Else they are read through first.
	Unchecked bool

	// Designs tell how log types' tables are made; nil: each by its own name.
	Designs warehouse.Designs

	// LockTimeout bounds each statement of a change of tables; 30 s.
	// LoadTimeout bounds each of a load; 30 min.
	LockTimeout, LoadTimeout time.Duration
	// Retries and Backoff are for conflicts of transactions and for lost
	// connections; 6, and 200 ms, which doubles.
	Retries int
	Backoff time.Duration
	// Log tells of loads that had to take a slower way. By default nothing is told.
	Log *slog.Logger
}

const (
	defaultLedgers = 8
	maxLedgers     = 16 // all are made in one batch of the Data API
)

// Warehouse is a warehouse.Warehouse in Redshift.
type Warehouse struct {
	db               executor
	archive, scratch bucket.Bucket
	opts             Options
	names            tables
	log              *slog.Logger

	mu    sync.Mutex // guards what follows
	types map[ikada.LogType]*state
}

// state is what this process remembers of a log type's table.
type state struct {
	busy   chan struct{}     // holds a token while the table is loaded or extended
	widths map[string]uint32 // of text columns, by name
	fine   bool              // COPY refuses its _time: it has more digits than a table keeps
}

var _ warehouse.Warehouse = (*Warehouse)(nil)

// Open connects to the database, for loads from the archive. scratch takes
// small objects below "redshift/", where no event may fire: jsonpaths, coalesced
// manifests, and files on their way. A rule may delete them after a day.
func Open(ctx context.Context, archive, scratch bucket.Bucket, o Options) (*Warehouse, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open Redshift: %w", err)
	}
	var db executor = &dataAPI{API: o.API, database: o.Database}
	if o.API == nil {
		db, err = connect(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open Redshift: %w", err)
	}
	w, err := open(ctx, db, archive, scratch, o)
	if err != nil {
		db.close()
		return nil, fmt.Errorf("open Redshift: %w", err)
	}
	return w, nil
}

// open makes a warehouse over any executor.
func open(ctx context.Context, db executor, archive, scratch bucket.Bucket, o Options) (*Warehouse, error) {
	for _, b := range []bucket.Bucket{archive, scratch} {
		if url := b.URL("key"); !strings.HasPrefix(url, "s3://") {
			return nil, fmt.Errorf("COPY reads from S3 only, not from %s", url)
		}
	}
	w := &Warehouse{
		db: db, archive: archive, scratch: scratch, opts: o, log: o.Log,
		names: tables{schema: o.Schema, own: o.LedgerSchema}, types: map[ikada.LogType]*state{},
	}
	return w, w.prepare(ctx, o.LedgerTables)
}

var (
	roleForm   = regexp.MustCompile(`^(default|arn:[\w-]+:iam::\d+:role/[\w+=,.@/-]+(,arn:[\w-]+:iam::\d+:role/[\w+=,.@/-]+)*)$`)
	regionForm = regexp.MustCompile(`^([a-z0-9-]{4,40})?$`)
)

func (o Options) withDefaults() (Options, error) {
	text := func(to *string, value string) {
		if *to == "" {
			*to = value
		}
	}
	text(&o.Database, "dev")
	text(&o.TLS, "verify-full")
	text(&o.Schema, "public")
	text(&o.LedgerSchema, "_ikada")
	if o.Port == 0 {
		o.Port = 5439
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 30 * time.Second
	}
	if o.LoadTimeout == 0 {
		o.LoadTimeout = 30 * time.Minute
	}
	if o.Retries == 0 {
		o.Retries = 6
	}
	if o.Backoff == 0 {
		o.Backoff = 200 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case !roleForm.MatchString(o.IAMRole):
		return o, fmt.Errorf("IAM role %q: want the ARN of a role, or \"default\"", o.IAMRole)
	case o.LedgerTables < 0 || o.LedgerTables > maxLedgers:
		return o, fmt.Errorf("%d ledger tables: want 1 to %d", o.LedgerTables, maxLedgers)
	case !regionForm.MatchString(o.Region):
		return o, fmt.Errorf("region %q: want a name such as eu-central-1", o.Region)
	case o.Schema == o.LedgerSchema:
		return o, errors.New("the ledger needs a schema of its own")
	}
	return o, nil
}

// Check tells what is wrong with the options but for the connection, as far as
// nobody need be asked.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

// Close closes the connections.
func (w *Warehouse) Close() error {
	w.db.close()
	return nil
}

// lock returns what is remembered of a log type, which the caller has for
// itself until it calls unlock.
func (w *Warehouse) lock(ctx context.Context, of ikada.LogType) (s *state, unlock func(), err error) {
	s = w.state(of)
	select {
	case s.busy <- struct{}{}:
		return s, func() { <-s.busy }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (w *Warehouse) state(of ikada.LogType) *state {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.types[of]
	if !ok {
		s = &state{busy: make(chan struct{}, 1)}
		w.types[of] = s
	}
	return s
}

// pause waits before another try, longer each time, and not as long as others do.
func pause(ctx context.Context, first time.Duration, attempt int) error {
	wait := first << min(attempt, 8)
	wait = wait/2 + rand.N(wait/2+1)
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
