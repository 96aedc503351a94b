package redshift

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

const (
	maxVarchar = 65535
	minVarchar = 64
	idVarchar  = 128
)

// ledgerColumns and catalogColumns are alike in all K tables. Keys are not
// declared: Redshift does not enforce them, but plans as if they held.
const (
	ledgerColumns = `"manifest" VARCHAR(1000) NOT NULL, "log_type" VARCHAR(4096) NOT NULL, "class" VARCHAR(16) NOT NULL, ` +
		`"plan" BIGINT NOT NULL, "row_count" BIGINT NOT NULL, "raw_bytes" BIGINT NOT NULL, "files" BIGINT NOT NULL, "rest" BIGINT NOT NULL, ` +
		`"direct" BOOLEAN NOT NULL, "loaded" TIMESTAMPTZ NOT NULL, "seconds" DOUBLE PRECISION NOT NULL`
	catalogColumns = `"log_type" VARCHAR(4096) NOT NULL, "place" INTEGER NOT NULL, "field" VARCHAR(65535) NOT NULL, ` +
		`"name" VARCHAR(128) NOT NULL, "type" VARCHAR(16) NOT NULL, "added" TIMESTAMPTZ NOT NULL`
	journalColumns = `"log_type" VARCHAR(4096) NOT NULL, "kind" VARCHAR(64) NOT NULL, "key" VARCHAR(1000) NOT NULL, ` +
		`"at" TIMESTAMPTZ NOT NULL, "detail" VARCHAR(65535) NOT NULL`
)

// tables names the adapter's own tables. Ledger and catalog are K tables each,
// by a hash of the log type, so that log types seldom wait for each other.
type tables struct {
	schema string // of the log types' tables
	own    string // of the ledger and the catalog
	k      int
}

// of returns a log type's table by the name that the catalog has for it.
func (t tables) of(name string) string { return identifier(t.schema) + "." + identifier(name) }

func (t tables) place(log ikada.LogType) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(log)) // a hash never fails
	return int(h.Sum32() % uint32(t.k))
}

func (t tables) ledgerAt(i int) string {
	return identifier(t.own) + "." + identifier(ledgerName+"_"+strconv.Itoa(i))
}

func (t tables) catalogAt(i int) string {
	return identifier(t.own) + "." + identifier(catalogName+"_"+strconv.Itoa(i))
}

func (t tables) ledger(log ikada.LogType) string  { return t.ledgerAt(t.place(log)) }
func (t tables) catalog(log ikada.LogType) string { return t.catalogAt(t.place(log)) }

// journal is one table: little is written there, and seldom.
func (t tables) journal() string { return identifier(t.own) + "." + identifier(journalName) }

const (
	ledgerName  = "ikada_ledger"
	catalogName = "ikada_catalog"
	journalName = "ikada_journal"
)

// setup makes the schemas, tables and views, in one transaction: so they are
// all there or none is.
func (t tables) setup() []statement {
	statements := []statement{
		plain("CREATE SCHEMA IF NOT EXISTS " + identifier(t.own)),
		plain("CREATE SCHEMA IF NOT EXISTS " + identifier(t.schema)),
		plain("CREATE TABLE " + t.journal() + " (" + journalColumns + `) COMPOUND SORTKEY ("log_type", "at")`),
	}
	for i := range t.k {
		statements = append(statements,
			plain("CREATE TABLE "+t.ledgerAt(i)+" ("+ledgerColumns+`) COMPOUND SORTKEY ("log_type", "plan")`),
			plain("CREATE TABLE "+t.catalogAt(i)+" ("+catalogColumns+`) COMPOUND SORTKEY ("log_type", "place")`))
	}
	return append(statements, plain(t.view(ledgerName, t.ledgerAt)), plain(t.view(catalogName, t.catalogAt)))
}

func (t tables) view(name string, at func(int) string) string {
	parts := make([]string, t.k)
	for i := range parts {
		parts[i] = "SELECT * FROM " + at(i)
	}
	return "CREATE VIEW " + identifier(t.own) + "." + identifier(name) + " AS " + strings.Join(parts, " UNION ALL ")
}

// prepare finds the adapter's own tables, or makes them. Their number is
// decided when they are made: a ledger cut anew would not find what it has.
func (w *Warehouse) prepare(ctx context.Context, k int) error {
	for attempt := 0; ; attempt++ {
		found, err := w.countLedgers(ctx)
		if err != nil {
			return err
		}
		if found > 0 {
			if k > 0 && k != found {
				return fmt.Errorf("schema %s has %d ledger tables, the settings say %d: their number can't be changed", w.names.own, found, k)
			}
			w.names.k = found
			return nil
		}
		w.names.k = k
		if k == 0 {
			w.names.k = defaultLedgers
		}
		// Two that start at once: one of them fails, and then finds what the other made.
		err = w.db.transact(ctx, w.opts.LockTimeout, w.names.setup())
		if err != nil && attempt == w.opts.Retries {
			return fmt.Errorf("make the ledger in schema %s: %w", w.names.own, err)
		}
		if err != nil {
			w.log.Info("ledger not made, looking again", "error", err)
			if err := pause(ctx, w.opts.Backoff, attempt); err != nil {
				return err
			}
		}
	}
}

func (w *Warehouse) countLedgers(ctx context.Context) (int, error) {
	rows, err := w.db.read(ctx, "SELECT table_name FROM svv_tables WHERE table_schema = "+literal(w.names.own)+" AND table_type = 'BASE TABLE'")
	if err != nil {
		return 0, fmt.Errorf("look for the ledger: %w", err)
	}
	n := 0
	for _, r := range rows {
		if number, ok := strings.CutPrefix(r.text(0), ledgerName+"_"); ok {
			if _, err := strconv.Atoi(number); err == nil {
				n++
			}
		}
	}
	return n, nil
}

// sqlType is the type of a column that is made.
func sqlType(c warehouse.Column) (string, error) {
	switch c.Type {
	case warehouse.Bool:
		return "BOOLEAN", nil
	case warehouse.BigInt:
		return "BIGINT", nil
	case warehouse.Double:
		return "DOUBLE PRECISION", nil
	case warehouse.Timestamp:
		return "TIMESTAMPTZ", nil
	case warehouse.JSON:
		return "SUPER", nil
	case warehouse.Text:
		return varchar(width(c.MaxBytes)), nil
	}
	return "", fmt.Errorf("column %q: %s is no column type", c.Name, c.Type)
}

func varchar(bytes uint32) string { return "VARCHAR(" + integer(int64(bytes)) + ")" }

// width is how wide a text column is made for values of the given length:
// twice that, rounded up to a power of two, so that it seldom has to grow.
func width(longest uint32) uint32 {
	if longest == 0 {
		return 256 // nobody knows
	}
	w := uint32(minVarchar)
	for w < maxVarchar && uint64(w) < 2*uint64(longest) {
		w *= 2
	}
	return min(w, maxVarchar)
}

// definition defines a column. Texts are encoded with ZSTD, because the
// automatic choice may be one that forbids widening.
func definition(c warehouse.Column) (string, error) {
	of, err := sqlType(c)
	if c.Type == warehouse.Text {
		of += " ENCODE ZSTD"
	}
	return identifier(c.Name) + " " + of, err
}

// systemColumns are the columns that every table begins with.
func systemColumns() []warehouse.Column {
	var columns []warehouse.Column
	for _, c := range warehouse.SystemColumns {
		columns = append(columns, warehouse.Column{Name: c.Name, Type: c.Type, MaxBytes: idVarchar / 2})
	}
	return columns
}

// timestamp writes a time as a literal.
func timestamp(t time.Time) string {
	return "'" + t.UTC().Format("2006-01-02 15:04:05.000000") + "+00'"
}
