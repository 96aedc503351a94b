package redshiftstandin

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// systemTables are the views that are imitated, as queries of DuckDB's.
var systemTables = map[string]string{
	"information_schema.columns": columnsView, "svv_columns": columnsView, "information_schema.tables": tablesView,
	"svv_tables": tablesView, "pg_table_def": tableDefView, "svv_table_info": tableInfoView,
	"sys_load_error_detail": "temp.main.rs_load_errors", "stl_load_errors": stlView,
}

const userColumns = `(SELECT *, CASE WHEN database_name = 'temp' THEN 'pg_temp' ELSE schema_name END AS rs_schema,
	coalesce(json_extract_string(comment, '$.type.name'), CASE data_type WHEN 'VARCHAR' THEN 'character varying' ELSE lower(data_type) END) AS rs_type,
	coalesce((comment::JSON->'$.type.length')::INTEGER, 65535) AS rs_length, (comment::JSON->'$.type.scale')::INTEGER AS rs_scale
	FROM duckdb_columns() WHERE NOT internal AND schema_name <> '_standin' AND NOT (database_name = 'temp' AND table_name LIKE 'rs\_%' ESCAPE '\'))`

const columnsView = `(SELECT 'dev' AS table_catalog, rs_schema AS table_schema, table_name, column_name, column_index AS ordinal_position,
	column_default, CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable, rs_type AS data_type,
	CASE WHEN rs_type LIKE 'character%' THEN rs_length END AS character_maximum_length,
	CASE WHEN rs_type = 'numeric' THEN rs_length END AS numeric_precision, CASE WHEN rs_type = 'numeric' THEN coalesce(rs_scale, 0) END AS numeric_scale
	FROM ` + userColumns + `)`

const tableDefView = `(SELECT rs_schema AS schemaname, table_name AS tablename, column_name AS "column",
	CASE WHEN rs_type LIKE 'character%' THEN rs_type || '(' || rs_length || ')'
	WHEN rs_type = 'numeric' THEN 'numeric(' || rs_length || ',' || coalesce(rs_scale, 0) || ')' ELSE rs_type END AS "type",
	coalesce(json_extract_string(comment, '$.encode'), 'none') AS encoding, NOT is_nullable AS "notnull" FROM ` + userColumns + `)`

const userTables = `(SELECT *, CASE WHEN database_name = 'temp' THEN 'pg_temp' ELSE schema_name END AS rs_schema
	FROM duckdb_tables() WHERE NOT internal AND schema_name <> '_standin' AND NOT (database_name = 'temp' AND table_name LIKE 'rs\_%' ESCAPE '\'))`

const tablesView = `(SELECT 'dev' AS table_catalog, rs_schema AS table_schema, table_name, 'BASE TABLE' AS table_type FROM ` + userTables + `)`

const tableInfoView = `(SELECT 'dev' AS "database", rs_schema AS "schema", table_oid::INTEGER AS table_id, table_name AS "table",
	upper(coalesce(json_extract_string(comment, '$.diststyle'), 'auto')) ||
	coalesce('(' || json_extract_string(comment, '$.distkey') || ')', '') AS diststyle,
	json_extract_string(comment, '$.sortkey[0]') AS sortkey1, coalesce(json_array_length(comment, '$.sortkey'), 0)::INTEGER AS sortkey_num,
	estimated_size::BIGINT AS tbl_rows FROM ` + userTables + `)`

// isSystem tells views of the system from tables.
func (s *session) isSystem(t tableName) bool {
	_, known := systemTables[t.String()]
	return known
}

// loadError is a row of SYS_LOAD_ERROR_DETAIL, and of STL_LOAD_ERRORS, which
// has the raw line and field, too. Both outlive a rollback.
type loadError struct {
	file, column, typ, length, message string
	rawLine, rawField                  string
	query, transaction, session, table int64
	line, position, code               int64
	start                              time.Time
}

// sessionSetup prepares a session's connection to DuckDB.
var sessionSetup = []string{
	`CREATE TEMP TABLE rs_load_errors (user_id INTEGER, query_id BIGINT, transaction_id BIGINT, session_id INTEGER, database_name VARCHAR,
		table_id INTEGER, start_time TIMESTAMP, file_name VARCHAR, line_number BIGINT, column_name VARCHAR, column_type VARCHAR,
		column_length VARCHAR, "position" INTEGER, error_code INTEGER, error_message VARCHAR)`,
	`CREATE TEMP TABLE rs_raw_errors (query BIGINT, line_number BIGINT, raw_line VARCHAR, raw_field_value VARCHAR, n INTEGER)`,
	`SET search_path = 'memory.public,memory.main'`,
}

const stlView = `(SELECT e.user_id AS userid, 0::INTEGER AS slice, e.table_id AS tbl, e.start_time AS starttime, e.session_id AS session,
	e.query_id AS query, e.file_name AS filename, e.line_number, e.column_name AS colname, e.column_type AS "type", e.column_length AS col_length,
	e."position", r.raw_line, r.raw_field_value, e.error_code AS err_code, e.error_message AS err_reason
	FROM (SELECT *, row_number() OVER () AS n FROM temp.main.rs_load_errors) e JOIN temp.main.rs_raw_errors r USING (n))`

// refreshErrors copies the errors of loads into the session's own tables, if a
// statement reads them.
func (s *session) refreshErrors(ctx context.Context, refs []reference) error {
	wanted := false
	for _, r := range refs {
		wanted = wanted || r.String() == "sys_load_error_detail" || r.String() == "stl_load_errors"
	}
	if !wanted {
		return nil
	}
	s.server.mu.Lock()
	loads := s.server.loads
	if s.server.options.HideLoadErrors {
		loads = nil
	}
	s.server.mu.Unlock()
	for _, table := range []string{"rs_load_errors", "rs_raw_errors"} {
		if err := s.exec(ctx, "DELETE FROM temp.main."+table); err != nil {
			return err
		}
	}
	return s.db.Raw(func(raw any) error {
		conn, ok := raw.(driver.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T, not DuckDB's", raw)
		}
		return appendErrors(conn, loads)
	})
}

// appendErrors fills a session's own tables.
func appendErrors(conn driver.Conn, loads []loadError) error {
	details, err := duckdb.NewAppender(conn, "temp", "main", "rs_load_errors")
	if err != nil {
		return err
	}
	raws, err := duckdb.NewAppender(conn, "temp", "main", "rs_raw_errors")
	if err != nil {
		return errors.Join(err, details.Close())
	}
	for i, e := range loads {
		err = errors.Join(err,
			details.AppendRow(int32(100), e.query, e.transaction, int32(e.session), "dev", int32(e.table), e.start.UTC(), cutBytes(e.file, 256), e.line,
				cutBytes(e.column, 127), e.typ, e.length, int32(e.position), int32(e.code), cutBytes(e.message, 512)),
			raws.AppendRow(e.query, e.line, cutBytes(e.rawLine, 1024), cutBytes(e.rawField, 1024), int32(i+1)))
	}
	return errors.Join(err, details.Close(), raws.Close())
}

// cutBytes cuts a text to n bytes, at a character's end.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return strings.ToValidUTF8(s, "?")
	}
	return strings.ToValidUTF8(s[:n], "")
}
