package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

// Load loads a job in one transaction. A direct load that DuckDB refuses is
// tried again in the careful way, which takes every valid row and sets aside
// those that are none, or that DuckDB refuses.
func (w *Warehouse) Load(ctx context.Context, job warehouse.Job) (warehouse.Result, error) {
	t := w.lock(job.Type)
	defer t.busy.Unlock()
	result, err := w.load(ctx, t, job)
	if err != nil {
		return warehouse.Result{}, fmt.Errorf("load into table %s: %w", t.info.Name, err)
	}
	return result, nil
}

func (w *Warehouse) load(ctx context.Context, t *table, job warehouse.Job) (_ warehouse.Result, err error) {
	if !t.exists {
		return warehouse.Result{}, fmt.Errorf("the table is not there, extend it first: %w", ikada.ErrNotFound)
	}
	started := time.Now()
	waiting, err := w.waiting(ctx, job)
	result := warehouse.Result{Skipped: len(job.Manifests) - len(waiting)}
	if err != nil || len(waiting) == 0 {
		return result, err
	}
	files, err := w.localize(ctx, w.archive, waiting)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, files.release()) }()

	l := &loading{w: w, table: t, job: job, manifests: waiting, files: files, started: started}
	fast := job.Class == ikada.Plain && !w.rules && canDirect(t.info.Columns)
	l.direct, l.sifted = job.Direct && fast, !job.Direct && job.Sifted && fast
	defer l.release()
	err = l.attempt(ctx)
	if err != nil {
		return result, err
	}
	w.mu.Lock()
	t.info.Rows += l.rows
	t.info.Bytes += l.bytes
	t.info.Loaded = l.ended
	w.mu.Unlock()
	result.Rows, result.Rest, result.Quarantined = l.rows, l.rest, l.quarantined
	return result, nil
}

// waiting returns the job's manifests that the ledger does not have, each once.
func (w *Warehouse) waiting(ctx context.Context, job warehouse.Job) ([]warehouse.Manifest, error) {
	keys := make([]string, len(job.Manifests))
	for i, m := range job.Manifests {
		keys[i] = m.Key
	}
	loaded, err := w.Loaded(ctx, job.Type, keys)
	if err != nil {
		return nil, err
	}
	var waiting []warehouse.Manifest
	for _, m := range job.Manifests {
		if !loaded[m.Key] {
			waiting = append(waiting, m)
			loaded[m.Key] = true
		}
	}
	return waiting, nil
}

// attempt runs the transaction, in ways that take ever more, until one is through.
func (l *loading) attempt(ctx context.Context) error {
	for sieved := false; ; {
		err := l.w.transaction(ctx, func(conn *sql.Conn) error { return l.run(ctx, conn) })
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, warehouse.ErrQuarantineRefused):
			return err
		case l.refused != nil:
			l.w.log.Warn("direct load refused, loading value by value", "table", l.table.info.Name, "error", l.refused)
			l.direct, l.sifted, l.refused = false, false, nil
		case l.aside == nil && rescue.Refused(err) != nil:
			if err := l.prepareAside(ctx, err); err != nil {
				return err
			}
		case !sieved && errors.As(err, new(*appendError)):
			sieved = true
			if err := l.sieve(ctx, err); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// loading is one load under way.
type loading struct {
	w         *Warehouse
	table     *table
	job       warehouse.Job
	manifests []warehouse.Manifest
	files     *local
	direct    bool
	sifted    bool // the rows that fit go directly, the others carefully
	started   time.Time

	refused     error // why a direct load did not go
	rows, rest  int64
	quarantined int64
	restOf      map[string]int64 // rows with a _rest, by file
	badOf       map[string]int64 // rows set aside, by file
	bytes       int64
	ended       time.Time

	leaveOut   bool             // refused rows are only counted
	settle     *rescue.Settling // of rows that are loaded once more
	aside      *rescue.Aside    // nil: no row is refused so far
	quarantine *table           // which this load has for itself, if it sets rows aside
}

// run inserts the rows and writes the ledger.
func (l *loading) run(ctx context.Context, conn *sql.Conn) error {
	l.rows, l.rest, l.bytes, l.quarantined = 0, 0, 0, 0
	l.restOf, l.badOf = map[string]int64{}, map[string]int64{}
	if l.direct {
		if err := l.insertDirect(ctx, conn); err != nil {
			l.refused = err
			return err
		}
	} else if l.sifted {
		if err := l.insertSifted(ctx, conn); err != nil {
			l.refused = err
			return err
		}
	} else if err := l.insertCareful(ctx, conn); err != nil {
		return err
	}
	return l.writeLedger(ctx, conn)
}

// expected is how many rows the manifests hold.
func (l *loading) expected() int64 {
	n := int64(0)
	for _, m := range l.manifests {
		n += m.Rows
	}
	return n
}

func (l *loading) writeLedger(ctx context.Context, conn *sql.Conn) error {
	if got, want := l.rows+l.quarantined, l.expected(); got != want {
		return fmt.Errorf("%d rows were read, the manifests say %d: %w", got, want, ikada.ErrCorrupt)
	}
	l.ended = time.Now().UTC().Truncate(time.Microsecond)
	for _, m := range l.manifests {
		rest, bad := int64(0), int64(0)
		for _, f := range m.Files {
			rest += l.restOf[f.Key]
			bad += l.badOf[f.Key]
		}
		_, err := conn.ExecContext(ctx, `INSERT INTO _ikada.ledger
			(manifest, log_type, class, plan, "rows", bytes, files, rest, direct, loaded, seconds, quarantined)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			m.Key, string(l.job.Type), l.job.Class.String(), int64(m.Plan), m.Rows-bad, m.Bytes, len(m.Files), rest,
			l.direct || l.sifted && len(m.Misfits) == 0, l.ended, l.ended.Sub(l.started).Seconds(), bad)
		if err != nil {
			return fmt.Errorf("write the ledger for %s: %w", m.Key, err)
		}
		l.rest += rest
		l.bytes += m.Bytes
	}
	return nil
}
