package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// maxObject bounds a line of a direct load. DuckDB's threads allocate buffers of
// twice this size for every load, however small, so it is little more than the
// longest plain row.
const maxObject = 1<<20 + 4096

// lineColumns are the system columns that a line in the archive has: all but _rest.
var lineColumns = warehouse.SystemColumns[:4]

// canDirect reports whether DuckDB can be told to read the columns: a struct
// has no empty name, and none with a NUL can be written.
func canDirect(columns []warehouse.Column) bool {
	return !slices.ContainsFunc(columns, func(c warehouse.Column) bool { return c.Field == "" || strings.Contains(c.Field, "\x00") })
}

// insertDirect inserts all files by one statement.
func (l *loading) insertDirect(ctx context.Context, conn *sql.Conn) error {
	if len(l.files.paths) == 0 {
		return nil
	}
	return l.readJSON(ctx, conn, l.table.info, l.files.paths, l.expected())
}

// readJSON inserts the lines of files, of which there must be so many.
func (l *loading) readJSON(ctx context.Context, conn *sql.Conn, t warehouse.Table, paths []string, want int64) error {
	result, err := conn.ExecContext(ctx, directSQL(t, paths))
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n != want {
		return fmt.Errorf("%d rows were read, the manifests say %d: %w", n, want, ikada.ErrCorrupt)
	}
	l.rows += n
	return nil
}

// directSQL names the columns in the files' order and takes them by place, as
// a field's name may be anything.
func directSQL(t warehouse.Table, paths []string) string {
	var names, types strings.Builder
	comma := func() {
		if names.Len() > 0 {
			names.WriteString(", ")
			types.WriteString(", ")
		}
	}
	for _, c := range lineColumns {
		comma()
		names.WriteString(identifier(c.Name))
		types.WriteString(literal(c.Name) + ": '" + sqlTypes[c.Type] + "'")
	}
	for _, c := range t.Columns {
		comma()
		names.WriteString(identifier(c.Name))
		types.WriteString(literal(c.Field) + ": '" + sqlTypes[c.Type] + "'")
	}
	escaped := make([]string, len(paths))
	for i, path := range paths {
		escaped[i] = notGlob.Replace(path)
	}
	return "INSERT INTO main." + identifier(t.Name) + " (" + names.String() + ")\nSELECT * FROM read_json(" + literals(escaped) +
		fmt.Sprintf(", format = 'newline_delimited', compression = 'auto_detect', hive_partitioning = false, maximum_object_size = %d,\n", maxObject) +
		"columns = {" + types.String() + "})"
}

// notGlob escapes what DuckDB would take for a pattern of paths.
var notGlob = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]")
