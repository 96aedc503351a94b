package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/duckdb"
)

// loadTarget is how many times the CPU of a plain read_json a load may take.
const loadTarget = 1.3

// loading compares the load stage, ledger, checksums and all, with DuckDB's own
// read_json of the same files into tables of the same columns.
func (b *bench) loading(ctx context.Context, s *sample) error {
	var loaded, plain []cost
	for range b.rounds {
		root, err := os.MkdirTemp(b.data, "load-")
		if err != nil {
			return err
		}
		l, creates, err := loadTimed(ctx, s, root)
		if err != nil {
			return err
		}
		p, err := readJSONTimed(ctx, s, root, creates)
		if err != nil {
			return fmt.Errorf("read_json: %w", err)
		}
		b.tell("load: %v; read_json: %v", l, p)
		loaded, plain = append(loaded, l), append(plain, p)
	}
	cpu, wall := ratio(loaded, plain, cost.cpuPerGB), ratio(plain, loaded, cost.megabytes)
	b.table.add("load alone", medianCost(loaded).String(), "DuckDB's read_json: "+medianCost(plain).String(),
		fmt.Sprintf("%.2f × its CPU, %.2f × its time", cpu, wall),
		target(fmt.Sprintf("≤ %.1f ×", loadTarget), max(cpu, wall) <= loadTarget))
	return nil
}

// loadTimed loads the sample as `ikada up` does, into a new database that is
// closed, so checkpointed, within the time. It returns the statements that
// make the same tables plainly.
func loadTimed(ctx context.Context, s *sample, root string) (c cost, creates []string, err error) {
	cfg, err := config.Load("", nil, nil)
	if err != nil {
		return c, nil, err
	}
	var buckets [3]*dir.Bucket
	for i, name := range []string{"buffer", "archive", "manifests"} {
		if buckets[i], err = dir.Open(filepath.Join(s.dir, name)); err != nil {
			return c, nil, err
		}
	}
	path, options := filepath.Join(root, "ikada.duckdb"), duckdb.Options{
		MemoryMB: int(cfg.Warehouse.Memory >> 20), Threads: cfg.Warehouse.Threads,
	}
	w, err := duckdb.Open(ctx, path, buckets[1], options)
	if err != nil {
		return c, nil, err
	}
	c, err = measure(s.raw, func() error {
		err := load.New(buckets[0], buckets[2], w, load.Options{
			LoadBytes: cfg.Load.Bytes, LoadAge: cfg.Load.Age, Parallel: cfg.Load.Parallel,
		}).Once(ctx)
		return errors.Join(err, w.Close())
	})
	if err != nil {
		return c, nil, err
	}
	if w, err = duckdb.Open(ctx, path, buckets[1], options); err != nil {
		return c, nil, err
	}
	creates, err = plainStatements(ctx, s, w)
	return c, creates, errors.Join(err, w.Close())
}

// plainStatements returns a CREATE TABLE … AS … read_json of each table's files.
// On the way it checks the tables' rows.
func plainStatements(ctx context.Context, s *sample, w warehouse.Warehouse) (creates []string, err error) {
	files, err := archiveFiles(ctx, s)
	if err != nil {
		return nil, err
	}
	tables, err := w.Tables(ctx)
	if err != nil {
		return nil, err
	}
	rows := int64(0)
	for _, t := range tables {
		if len(files[t.Type]) == 0 {
			continue // the quarantine's
		}
		rows += t.Rows
		types, err := columnTypes(ctx, w, t.Name)
		if err != nil {
			return nil, err
		}
		columns := []string{"'_id': 'VARCHAR'", "'_time': 'TIMESTAMP'"}
		for _, c := range t.Columns {
			columns = append(columns, quote(c.Field)+": "+quote(types[c.Name]))
		}
		creates = append(creates, fmt.Sprintf(`CREATE TABLE "%s" AS SELECT * FROM read_json([%s], format = 'newline_delimited', compression = 'gzip', columns = {%s})`,
			t.Name, strings.Join(each(files[t.Type], quote), ","), strings.Join(columns, ", ")))
	}
	if rows != s.rows {
		return nil, fmt.Errorf("the tables have %d rows, want %d", rows, s.rows)
	}
	return creates, nil
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// archiveFiles returns the sample's files by log type.
func archiveFiles(ctx context.Context, s *sample) (map[ikada.LogType][]string, error) {
	manifests, err := readManifests(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	files := map[ikada.LogType][]string{}
	for _, m := range manifests {
		for _, f := range m.Ikada.Files {
			files[m.Ikada.Type] = append(files[m.Ikada.Type], filepath.Join(s.dir, "archive", f.Key))
		}
	}
	return files, nil
}

// columnTypes returns the types of a table's columns, as DuckDB names them.
func columnTypes(ctx context.Context, w warehouse.Warehouse, table string) (types map[string]string, err error) {
	rows, err := w.Query(ctx, "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND table_name = "+quote(table), 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	types = map[string]string{}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return types, nil
		}
		if err != nil {
			return nil, err
		}
		types[fmt.Sprint(row[0])] = fmt.Sprint(row[1])
	}
}

// readJSONTimed runs the plain statements with all of DuckDB's own settings.
// Closing the database is within the time here, too.
func readJSONTimed(ctx context.Context, s *sample, root string, creates []string) (c cost, err error) {
	path := filepath.Join(root, "plain.duckdb")
	c, err = measure(s.raw, func() error {
		return withDatabase(path, func(db *sql.DB) error {
			for _, create := range creates {
				if _, err := db.ExecContext(ctx, create); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return c, err
	}
	return c, withDatabase(path, func(db *sql.DB) error {
		rows := int64(0)
		err := db.QueryRowContext(ctx, "SELECT sum(estimated_size)::BIGINT FROM duckdb_tables()").Scan(&rows)
		if err == nil && rows != s.rows {
			err = fmt.Errorf("%d rows were read, want %d", rows, s.rows)
		}
		return err
	})
}

func withDatabase(path string, do func(*sql.DB) error) error {
	connector, err := driver.NewConnector(path, nil)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	return errors.Join(do(db), db.Close())
}
