package redshift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rescue"
)

// errPutBack is why the quarantine is made ready before any row is refused.
var errPutBack = errors.New("rows of the quarantine are put back")

// PutBack brings rows of the quarantine into their table, in one transaction as
// that of Replace, without a range.
func (w *Warehouse) PutBack(ctx context.Context, job warehouse.PutBackJob) (warehouse.PutBack, error) {
	done, err := w.putBack(ctx, job)
	if err != nil {
		return warehouse.PutBack{}, fmt.Errorf("put %d rows back into the table of %q: %w", len(job.Rows), job.Type, err)
	}
	return done, nil
}

func (w *Warehouse) putBack(ctx context.Context, job warehouse.PutBackJob) (done warehouse.PutBack, err error) {
	s, unlock, err := w.lock(ctx, job.Type)
	if err != nil {
		return done, err
	}
	defer unlock()
	table, err := w.describe(ctx, job.Type)
	if err != nil || len(job.Rows) == 0 {
		return done, err
	}
	r := &replacing{w: w, job: warehouse.ReplaceJob{Type: job.Type}, state: s, table: table}
	if err := r.prepareAside(ctx, errPutBack); err != nil {
		return done, err
	}
	tried := int64(-1) // rows that the last try has found
	for attempt := 0; ; attempt++ {
		found, err := r.give(ctx, job.Rows)
		if err != nil {
			return done, err
		}
		if tried > found { // by us, if the last outcome was unknown: as a load has it
			done.Rows += tried - found
		}
		done.Gone = int64(len(job.Rows)) - found - done.Rows
		if found == 0 {
			return done, nil
		}
		again, err := r.putBackOnce(ctx, &done, attempt)
		if err != nil || again == tryDone {
			return done, err
		}
		tried = -1
		if again == tryUnknown {
			tried = found
		}
	}
}

// What follows a try that was not done.
type next int

const (
	tryDone next = iota
	tryAgain
	tryUnknown // it may be committed
)

// putBackOnce tries the transaction once.
func (r *replacing) putBackOnce(ctx context.Context, done *warehouse.PutBack, attempt int) (next, error) {
	replaced, err := r.try(ctx)
	var lost *unknownError
	switch {
	case err == nil:
		done.Rows, done.Rest, done.Refused = done.Rows+replaced.Inserted, replaced.Rest, r.settle.Still()
		return tryDone, nil
	case ctx.Err() != nil:
		return tryDone, err
	case errors.Is(err, errFound):
		return tryAgain, nil
	case !again(err) || attempt >= r.w.opts.Retries:
		return tryDone, err
	}
	r.w.log.Info("putting rows back is not done, trying again", "table", r.table.Name, "error", err)
	if err := pause(ctx, r.w.opts.Backoff, attempt); err != nil {
		return tryDone, err
	}
	if errors.As(err, &lost) {
		return tryUnknown, nil
	}
	return tryAgain, nil
}

// give makes the job's file of the rows that the quarantine has now.
func (r *replacing) give(ctx context.Context, all []warehouse.AsideRow) (found int64, err error) {
	has := map[string]rescue.Held{}
	for some := range slices.Chunk(all, maxListed) {
		ids := make([]string, len(some))
		for i, row := range some {
			ids[i] = row.ID
		}
		if err := r.eachHeld(ctx, `"_id" IN (`+literals(ids)+")", func(id string, h rescue.Held) { has[id] = h }); err != nil {
			return 0, err
		}
	}
	given, settle, err := rescue.Give(r.w.archive, all, has)
	if err != nil {
		return 0, err
	}
	r.archive, r.settle = given, settle
	r.job.Files = []warehouse.ReplaceFiles{{Files: []warehouse.File{given.File}}}
	return int64(len(has)), nil
}

// maxListed bounds the keys that a statement lists: the Data API takes one of
// 100 kB.
const maxListed = 700

// prepareAside makes the quarantine's table ready for rows.
func (r *replacing) prepareAside(ctx context.Context, why error) error {
	l := &loading{w: r.w, table: r.table, job: warehouse.Job{Type: r.job.Type}}
	err := l.prepareAside(ctx, why)
	r.aside = l.aside
	return err
}

// hold finds out what the quarantine has of the job's files.
func (r *replacing) hold(ctx context.Context) error {
	if r.settle == nil || r.job.Type == ikada.Quarantine {
		return nil
	}
	r.settle.Forget()
	first, last := r.settle.Bounds()
	columns, err := r.w.asideColumns(ctx)
	if err != nil || columns["file"] == "" || first == "" {
		return err
	}
	if err := r.eachHeld(ctx, columns["file"]+" BETWEEN "+literal(first)+" AND "+literal(last), r.settle.Hold); err != nil {
		return err
	}
	if r.settle.Holds() && r.aside == nil {
		return r.prepareAside(ctx, errPutBack)
	}
	return nil
}

// byField are a table's columns by their fields, quoted.
func byField(t warehouse.Table) map[string]string {
	columns := map[string]string{}
	for _, c := range t.Columns {
		columns[c.Field] = identifier(c.Name)
	}
	return columns
}

// asideColumns are the quarantine's columns; none without a table.
func (w *Warehouse) asideColumns(ctx context.Context) (map[string]string, error) {
	table, err := w.describe(ctx, ikada.Quarantine)
	if err != nil && !errors.Is(err, ikada.ErrNotFound) {
		return nil, err
	}
	return byField(table), nil
}

// byLoad are the rows of the quarantine that loads of a log type have set aside.
func (w *Warehouse) byLoad(c map[string]string, of ikada.LogType) string {
	return "FROM " + w.names.of(ikada.Quarantine.TableName()) + " WHERE " + c["type"] + " = " + literal(string(of)) +
		" AND " + c["origin"] + " = " + literal(rescue.Origin) + " AND " + c["file"] + " IS NOT NULL"
}

// eachHeld tells of rows that loads of the log type have set aside.
func (r *replacing) eachHeld(ctx context.Context, which string, do func(id string, h rescue.Held)) error {
	c, err := r.w.asideColumns(ctx)
	if err != nil {
		return err
	}
	found, err := r.w.db.read(ctx, `SELECT "_id", `+c["file"]+", "+c["parts"]+`, "_time" `+r.w.byLoad(c, r.job.Type)+" AND "+c["part"]+" = 1 AND "+which)
	if err != nil {
		return fmt.Errorf("read the quarantine: %w", err)
	}
	for _, f := range found {
		h := rescue.Held{File: f.text(1)}
		if h.Pieces, err = strconv.ParseInt(f.text(2), 10, 64); err != nil {
			return fmt.Errorf("read the quarantine: %w", err)
		}
		if h.At, err = parseTime(f.text(3)); err != nil {
			return fmt.Errorf("read the quarantine: %w", err)
		}
		do(f.text(0), h)
	}
	return nil
}

// leave takes out of the quarantine what is loaded once more, if all of it is
// there still.
func (r *replacing) leave(ctx context.Context) (statements []statement, err error) {
	if !r.settle.Holds() {
		return nil, nil
	}
	c, err := r.w.asideColumns(ctx)
	if err != nil {
		return nil, err
	}
	files, ids := r.settle.Leaving()
	pieces := r.settle.PiecesOf()
	for column, keys := range map[string][]string{c["file"]: files, `"_id"`: ids} {
		for some := range slices.Chunk(keys, maxListed) {
			from := r.w.byLoad(c, r.job.Type) + " AND " + column + " IN (" + literals(some) + ")"
			want := int64(0)
			for _, key := range some {
				want += pieces[key]
			}
			g := guard{name: "rows of the quarantine", expr: "count(*)", from: from, want: want}
			statements = append(statements, g.statement(), plain("DELETE "+from))
		}
	}
	return statements, nil
}

// correct corrects the ledger by what becomes of the rows.
func (r *replacing) correct() (statements []statement) {
	ledger := r.w.names.ledger(r.job.Type)
	moves, _ := r.settle.Moves()
	for _, m := range moves {
		for some := range slices.Chunk(m.Manifests, maxListed) {
			of := members(r.job.Type, some)
			g := guard{name: "entries of the ledger", expr: "count(*)", from: "FROM " + ledger + of, want: int64(len(some))}
			statements = append(statements, g.statement(), plain(fmt.Sprintf(
				`UPDATE %s SET "row_count" = "row_count" + (%d), "quarantined" = "quarantined" - (%d)%s`, ledger, m.Rows, m.Rows, of)))
		}
	}
	return statements
}

// counted asks the ledger about refused rows that the quarantine does not have,
// if it has fewer than it should. The guard holds that nobody changes that.
func (r *replacing) counted(ctx context.Context) (statements []statement, err error) {
	fresh := r.settle.Fresh()
	if len(fresh) == 0 {
		return nil, nil
	}
	has, ledger, err := r.w.countAside(ctx, r.job.Type)
	if err != nil || has >= ledger {
		return nil, err
	}
	quarantined := map[string]int64{}
	for some := range slices.Chunk(fresh, maxListed) {
		from := "FROM " + r.w.names.ledger(r.job.Type) + members(r.job.Type, some)
		rows, err := r.w.db.read(ctx, `SELECT "manifest", "quarantined" `+from)
		if err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		sum := int64(0)
		for _, row := range rows {
			n, err := strconv.ParseInt(row.text(1), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read the ledger: %w", err)
			}
			quarantined[row.text(0)] = n
			sum += n
		}
		g := guard{name: "rows set aside by the ledger", expr: `COALESCE(sum("quarantined"), 0)`, from: from, want: sum}
		statements = append(statements, g.statement())
	}
	r.settle.Counted(quarantined)
	return statements, nil
}
