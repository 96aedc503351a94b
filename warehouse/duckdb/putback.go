package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

// PutBack brings rows of the quarantine into their table, in one transaction.
func (w *Warehouse) PutBack(ctx context.Context, job warehouse.PutBackJob) (warehouse.PutBack, error) {
	t := w.lock(job.Type)
	defer t.busy.Unlock()
	done, err := w.putBack(ctx, t, job)
	if err != nil {
		return warehouse.PutBack{}, fmt.Errorf("put %d rows back into table %s: %w", len(job.Rows), t.info.Name, err)
	}
	return done, nil
}

func (w *Warehouse) putBack(ctx context.Context, t *table, job warehouse.PutBackJob) (done warehouse.PutBack, err error) {
	if !t.exists {
		return done, ikada.ErrNotFound
	}
	if len(job.Rows) == 0 {
		return done, nil
	}
	r := &replacing{w: w, table: t, job: warehouse.ReplaceJob{Type: job.Type}}
	defer r.release()
	if err := r.prepareAside(ctx, errPutBack); err != nil {
		return done, err
	}
	ids := make([]string, len(job.Rows))
	for i, row := range job.Rows {
		ids[i] = row.ID
	}
	has := map[string]rescue.Held{}
	if err := r.eachHeld(ctx, `"_id" IN (`+strings.Trim(literals(ids), "[]")+")", func(id string, h rescue.Held) { has[id] = h }); err != nil {
		return done, err
	}
	done.Gone = int64(len(job.Rows) - len(has))
	if len(has) == 0 {
		return done, nil
	}
	given, settle, err := rescue.Give(w.archive, job.Rows, has)
	if err != nil {
		return done, err
	}
	r.archive, r.settle = given, settle
	r.steps = []step{{files: []warehouse.File{given.File}, rows: given.File.Rows}}
	if err := r.attempt(ctx); err != nil {
		return done, err
	}
	done.Rows, done.Rest, done.Refused = r.done.Inserted, r.done.Rest, settle.Still()
	return done, nil
}

// errPutBack is why the quarantine is made ready before any row is refused.
var errPutBack = errors.New("rows of the quarantine are put back")

// prepareAside makes the quarantine's table ready, which this job has for itself
// from now on. Where rows are left out it only remembers them.
func (r *replacing) prepareAside(ctx context.Context, why error) (err error) {
	if r.job.Into != "" {
		r.aside, err = rescue.New(r.job.Into, why)
		return err
	}
	if r.quarantine != nil {
		r.aside, err = rescue.New(r.job.Type, why)
		return err
	}
	l := &loading{w: r.w, table: r.table, job: warehouse.Job{Type: r.job.Type}}
	err = l.prepareAside(ctx, why)
	r.aside, r.quarantine = l.aside, l.quarantine
	return err
}

// release lets go of the quarantine's table.
func (r *replacing) release() {
	if r.quarantine != nil {
		r.quarantine.busy.Unlock()
		r.quarantine = nil
	}
}

// sieve finds the rows of a step that DuckDB refuses.
func (r *replacing) sieve(ctx context.Context, s *step, why error) (err error) {
	if r.aside == nil {
		if err := r.prepareAside(ctx, why); err != nil {
			return err
		}
	}
	l := r.loading(s)
	if l.files, err = r.w.localize(ctx, r.archive, l.manifests); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.files.release()) }()
	return l.sieve(ctx, why)
}

// hold finds out what the quarantine has of the job's files. If there is
// anything, this job has the quarantine for itself.
func (r *replacing) hold(ctx context.Context) error {
	first, last := r.settle.Bounds()
	if first == "" || r.job.Type == ikada.Quarantine {
		return nil
	}
	r.quarantine = r.w.lock(ikada.Quarantine)
	if r.quarantine.exists {
		c := byField(r.quarantine.info)
		if c["file"] != "" {
			if err := r.eachHeld(ctx, c["file"]+" BETWEEN "+literal(first)+" AND "+literal(last), r.settle.Hold); err != nil {
				r.release()
				return err
			}
		}
	}
	if !r.settle.Holds() {
		r.release()
		return nil
	}
	return r.prepareAside(ctx, errPutBack)
}

// byField are a table's columns by their fields, quoted.
func byField(t warehouse.Table) map[string]string {
	columns := map[string]string{}
	for _, c := range t.Columns {
		columns[c.Field] = identifier(c.Name)
	}
	return columns
}

// byLoad are the rows of the quarantine that loads of a log type have set aside.
func byLoad(quarantine warehouse.Table, of ikada.LogType) string {
	c := byField(quarantine)
	return " FROM main." + identifier(quarantine.Name) + " WHERE " + c["type"] + " = " + literal(string(of)) +
		" AND " + c["origin"] + " = " + literal(rescue.Origin) + " AND " + c["file"] + " IS NOT NULL"
}

// eachHeld tells of rows that loads of the log type have set aside.
func (r *replacing) eachHeld(ctx context.Context, which string, do func(id string, h rescue.Held)) error {
	type found struct {
		id   string
		held rescue.Held
	}
	c := byField(r.quarantine.info)
	query := `SELECT "_id", ` + c["file"] + ", " + c["parts"] + `, "_time"` + byLoad(r.quarantine.info, r.job.Type) + " AND " + c["part"] + " = 1 AND " + which
	for f, err := range list(ctx, r.w.db, "read the quarantine", query, nil, func(rows *sql.Rows) (f found, err error) {
		return f, rows.Scan(&f.id, &f.held.File, &f.held.Pieces, &f.held.At)
	}) {
		if err != nil {
			return err
		}
		f.held.At = f.held.At.UTC()
		do(f.id, f.held)
	}
	return nil
}

// empty takes out of the quarantine what is loaded once more.
func (r *replacing) empty(ctx context.Context, conn *sql.Conn) error {
	if !r.settle.Holds() {
		return nil
	}
	c := byField(r.quarantine.info)
	files, ids := r.settle.Leaving()
	gone := int64(0)
	for column, keys := range map[string][]string{c["file"]: files, `"_id"`: ids} {
		for some := range slices.Chunk(keys, 1000) {
			result, err := conn.ExecContext(ctx, "DELETE"+byLoad(r.quarantine.info, r.job.Type)+" AND "+column+" IN ("+strings.Trim(literals(some), "[]")+")")
			if err != nil {
				return fmt.Errorf("empty the quarantine: %w", err)
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			gone += n
		}
	}
	if want := r.settle.Pieces(); gone != want {
		return fmt.Errorf("the quarantine has %d pieces of the rows, they say %d: %w", gone, want, ikada.ErrCorrupt)
	}
	return nil
}

// correct corrects the ledger by what has become of the rows.
func (r *replacing) correct(ctx context.Context, conn *sql.Conn) error {
	if err := r.counted(ctx, conn); err != nil {
		return err
	}
	moves, sum := r.settle.Moves()
	for _, m := range moves {
		for some := range slices.Chunk(m.Manifests, 1000) {
			result, err := conn.ExecContext(ctx, `UPDATE _ikada.ledger SET "rows" = "rows" + ?, quarantined = quarantined - ? WHERE manifest IN (`+
				strings.Trim(literals(some), "[]")+")", m.Rows, m.Rows)
			if err != nil {
				return fmt.Errorf("correct the ledger: %w", err)
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			if n != int64(len(some)) {
				return fmt.Errorf("correct the ledger: it has %d of %d manifests that refused rows are of, such as %s: %w", n, len(some), some[0], ikada.ErrNotFound)
			}
		}
	}
	r.moved, r.done.PutBack = sum, r.settle.PutBack()
	return nil
}

// counted asks the ledger about refused rows that the quarantine does not have,
// if it has fewer than it should. This transaction's changes are not seen there.
func (r *replacing) counted(ctx context.Context, conn *sql.Conn) error {
	fresh := r.settle.Fresh()
	if len(fresh) == 0 {
		return nil
	}
	has, ledger, err := r.w.countAside(ctx, r.job.Type)
	if err != nil || has >= ledger {
		return err
	}
	type entry struct {
		manifest string
		n        int64
	}
	quarantined := map[string]int64{}
	for some := range slices.Chunk(fresh, 1000) {
		query := "SELECT manifest, quarantined FROM _ikada.ledger WHERE manifest IN (" + strings.Trim(literals(some), "[]") + ")"
		for e, err := range list(ctx, conn, "read the ledger", query, nil, func(rows *sql.Rows) (e entry, err error) { return e, rows.Scan(&e.manifest, &e.n) }) {
			if err != nil {
				return err
			}
			quarantined[e.manifest] = e.n
		}
	}
	r.settle.Counted(quarantined)
	return nil
}
