package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift/rules"
)

// schema is the ledger and the catalog.
var schema = []string{
	`CREATE SCHEMA IF NOT EXISTS _ikada`,
	`CREATE TABLE IF NOT EXISTS _ikada.ledger (
		manifest VARCHAR PRIMARY KEY,
		log_type VARCHAR NOT NULL,
		class    VARCHAR NOT NULL,
		plan     BIGINT NOT NULL,
		"rows"   BIGINT NOT NULL,
		bytes    BIGINT NOT NULL,
		files    BIGINT NOT NULL,
		rest     BIGINT NOT NULL,
		direct   BOOLEAN NOT NULL,
		loaded   TIMESTAMPTZ NOT NULL,
		seconds  DOUBLE NOT NULL
	)`,
	`ALTER TABLE _ikada.ledger ADD COLUMN IF NOT EXISTS quarantined BIGINT DEFAULT 0`,
	`CREATE TABLE IF NOT EXISTS _ikada.tables (
		log_type VARCHAR PRIMARY KEY,
		name     VARCHAR NOT NULL UNIQUE,
		created  TIMESTAMPTZ NOT NULL
	)`,
	`CREATE TABLE IF NOT EXISTS _ikada.columns (
		log_type VARCHAR NOT NULL,
		place    INTEGER NOT NULL,
		field    VARCHAR NOT NULL,
		name     VARCHAR NOT NULL,
		type     VARCHAR NOT NULL,
		added    TIMESTAMPTZ NOT NULL,
		PRIMARY KEY (log_type, name),
		UNIQUE (log_type, field)
	)`,
	`CREATE TABLE IF NOT EXISTS _ikada.journal (
		log_type VARCHAR NOT NULL,
		kind     VARCHAR NOT NULL,
		"key"    VARCHAR NOT NULL,
		"at"     TIMESTAMPTZ NOT NULL,
		detail   VARCHAR NOT NULL,
		PRIMARY KEY (log_type, kind, "key")
	)`,
	// Of texts, where Redshift's rules apply.
	`ALTER TABLE _ikada.columns ADD COLUMN IF NOT EXISTS width BIGINT DEFAULT 0`,
}

// sqlTypes are DuckDB's names for the column types.
var sqlTypes = map[warehouse.Type]string{
	warehouse.Bool: "BOOLEAN", warehouse.BigInt: "BIGINT", warehouse.Double: "DOUBLE",
	warehouse.Text: "VARCHAR", warehouse.Timestamp: "TIMESTAMPTZ", warehouse.JSON: "JSON",
}

// readCatalog fills w.tables.
func (w *Warehouse) readCatalog(ctx context.Context) error {
	rows, err := w.db.QueryContext(ctx, `
		SELECT t.log_type, t.name, t.created, coalesce(l.n, 0)::BIGINT, coalesce(l.b, 0)::BIGINT, l.last
		FROM _ikada.tables t LEFT JOIN (
			SELECT log_type, sum("rows") n, sum(bytes) b, max(loaded) AS last FROM _ikada.ledger GROUP BY ALL
		) l USING (log_type)`)
	if err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		t := &table{exists: true}
		var loaded sql.NullTime
		if err := rows.Scan(&t.info.Type, &t.info.Name, &t.info.Created, &t.info.Rows, &t.info.Bytes, &loaded); err != nil {
			return fmt.Errorf("read the catalog: %w", err)
		}
		t.info.Loaded = loaded.Time
		w.tables[t.info.Type] = t
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the catalog: %w", err)
	}
	return w.readColumns(ctx)
}

func (w *Warehouse) readColumns(ctx context.Context) error {
	rows, err := w.db.QueryContext(ctx, `SELECT log_type, field, name, type, width, added FROM _ikada.columns ORDER BY log_type, place`)
	if err != nil {
		return fmt.Errorf("read the catalog's columns: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var of ikada.LogType
		var c warehouse.Column
		var typeName string
		if err := rows.Scan(&of, &c.Field, &c.Name, &typeName, &c.MaxBytes, &c.Added); err != nil {
			return fmt.Errorf("read the catalog's columns: %w", err)
		}
		if c.Type, err = warehouse.ParseType(typeName); err != nil {
			return fmt.Errorf("read the catalog, table of %q, column %q: %w", of, c.Name, err)
		}
		c.MaxBytes = w.widthOf(c)
		t, ok := w.tables[of]
		if !ok {
			return fmt.Errorf("read the catalog: column %q of %q, which has no table: %w", c.Name, of, ikada.ErrCorrupt)
		}
		c.Added = c.Added.UTC()
		t.info.Columns = append(t.info.Columns, c)
	}
	return rows.Err()
}

// Table describes a log type's table.
func (w *Warehouse) Table(_ context.Context, of ikada.LogType) (warehouse.Table, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	t, ok := w.tables[of]
	if !ok || !t.exists {
		return warehouse.Table{}, fmt.Errorf("table of log type %q: %w", of, ikada.ErrNotFound)
	}
	return t.describe(), nil
}

// Tables describes all tables.
func (w *Warehouse) Tables(context.Context) ([]warehouse.Table, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	var all []warehouse.Table
	for _, t := range w.tables {
		if t.exists {
			all = append(all, t.describe())
		}
	}
	slices.SortFunc(all, func(a, b warehouse.Table) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return all, nil
}

func (t *table) describe() warehouse.Table {
	info := t.info
	info.Columns = slices.Clone(info.Columns)
	return info
}

// lock returns a log type's table, which the caller has for itself until it
// unlocks busy. The table may not exist yet.
func (w *Warehouse) lock(of ikada.LogType) *table {
	w.mu.Lock()
	t, ok := w.tables[of]
	if !ok {
		t = &table{info: warehouse.Table{Type: of, Name: w.designs.Of(of).Table}}
		w.tables[of] = t
	}
	w.mu.Unlock()
	t.busy.Lock()
	return t
}

// Extend makes a table or adds columns to it.
func (w *Warehouse) Extend(ctx context.Context, of ikada.LogType, add []warehouse.Column) error {
	t := w.lock(of)
	defer t.busy.Unlock()
	return w.extend(ctx, t, add)
}

// extend is Extend of a table that the caller has locked.
func (w *Warehouse) extend(ctx context.Context, t *table, add []warehouse.Column) error {
	wider, err := w.widen(ctx, t, add)
	if err != nil {
		return fmt.Errorf("widen columns of table %s: %w", t.info.Name, err)
	}
	add = slices.DeleteFunc(slices.Clone(add), func(c warehouse.Column) bool {
		return w.rules && rules.Storable(c.Field) != nil || // stays without a column, in _rest
			slices.ContainsFunc(t.info.Columns, func(has warehouse.Column) bool { return has.Field == c.Field })
	})
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range add {
		add[i].MaxBytes, add[i].Added = w.newWidth(add[i]), now
	}
	if len(wider) > 0 {
		w.mu.Lock()
		t.info.Columns = wider
		w.mu.Unlock()
	}
	if t.exists && len(add) == 0 {
		return nil
	}
	if err := w.nameIsFree(t); err != nil {
		return err
	}
	err = w.transaction(ctx, func(conn *sql.Conn) error { return extend(ctx, conn, t, add, now) })
	if err != nil {
		return fmt.Errorf("extend table %s by %d columns: %w", t.info.Name, len(add), err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !t.exists {
		t.exists, t.info.Created = true, now
	}
	t.info.Columns = append(slices.Clip(t.info.Columns), add...)
	return nil
}

// nameIsFree refuses a table's declared name if another log type's table has it.
func (w *Warehouse) nameIsFree(t *table) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for other, has := range w.tables {
		if has != t && has.exists && has.info.Name == t.info.Name {
			return fmt.Errorf("make table %s of log type %q: it is that of log type %q: declare another name", t.info.Name, t.info.Type, other)
		}
	}
	return nil
}

func extend(ctx context.Context, conn *sql.Conn, t *table, add []warehouse.Column, now time.Time) error {
	exec := func(query string, args ...any) error {
		_, err := conn.ExecContext(ctx, query, args...)
		return err
	}
	for _, c := range add {
		if sqlTypes[c.Type] == "" {
			return fmt.Errorf("column %q: %s is no column type", c.Name, c.Type)
		}
	}
	if t.exists {
		for _, c := range add {
			if err := exec("ALTER TABLE main." + identifier(t.info.Name) + " ADD COLUMN " + definition(c.Name, c.Type)); err != nil {
				return err
			}
		}
	} else {
		if err := exec(createTable(t.info.Name, add)); err != nil {
			return err
		}
		if err := exec(`INSERT INTO _ikada.tables VALUES (?, ?, ?)`, string(t.info.Type), t.info.Name, now); err != nil {
			return err
		}
	}
	if len(add) == 0 {
		return nil
	}
	return exec(insertColumns(t.info, add), now)
}

// insertColumns is one statement, as there may be a thousand.
func insertColumns(t warehouse.Table, add []warehouse.Column) string {
	values := make([]string, len(add))
	for i, c := range add {
		values[i] = fmt.Sprintf("(%s, %d, %s, %s, %s, $1, %d)",
			literal(string(t.Type)), len(t.Columns)+i, literal(c.Field), literal(c.Name), literal(c.Type.String()), c.MaxBytes)
	}
	return "INSERT INTO _ikada.columns (log_type, place, field, name, type, added, width) VALUES " + strings.Join(values, ", ")
}

func createTable(name string, columns []warehouse.Column) string {
	definitions := make([]string, 0, len(warehouse.SystemColumns)+len(columns))
	for _, c := range warehouse.SystemColumns {
		d := definition(c.Name, c.Type)
		if c.Name == "_id" {
			// No two are alike, but have much in common. DuckDB would find that out at each
			// checkpoint, by a dictionary of them all: a tenth of what a load costs.
			d += " USING COMPRESSION fsst"
		}
		definitions = append(definitions, d)
	}
	for _, c := range columns {
		definitions = append(definitions, definition(c.Name, c.Type))
	}
	return "CREATE TABLE main." + identifier(name) + " (" + strings.Join(definitions, ", ") + ")"
}

func definition(name string, t warehouse.Type) string { return identifier(name) + " " + sqlTypes[t] }

// Loaded returns which of the manifests are in the ledger.
func (w *Warehouse) Loaded(ctx context.Context, _ ikada.LogType, manifests []string) (map[string]bool, error) {
	loaded, err := inLedger(ctx, w.db, manifests)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return loaded, nil
}

// querier is a connection or the pool of them.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func inLedger(ctx context.Context, db querier, manifests []string) (_ map[string]bool, err error) {
	loaded := make(map[string]bool)
	if len(manifests) == 0 {
		return loaded, nil
	}
	list := strings.Trim(literals(manifests), "[]")
	rows, err := db.QueryContext(ctx, `SELECT manifest FROM _ikada.ledger WHERE manifest IN (`+list+`)`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		loaded[key] = true
	}
	return loaded, rows.Err()
}
