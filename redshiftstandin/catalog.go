package redshiftstandin

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// What Redshift knows of tables and DuckDB does not is kept in the comments of
// DuckDB's own catalog: it is transactional and goes with the table.

// tableInfo is the comment of a table.
type tableInfo struct {
	DistStyle string   `json:"diststyle"`
	DistKey   string   `json:"distkey,omitempty"`
	SortKey   []string `json:"sortkey,omitempty"`
}

// columnInfo is the comment of a column, with its name.
type columnInfo struct {
	Column  string   `json:"-"`
	Type    dataType `json:"type"`
	Encode  string   `json:"encode,omitempty"`
	Key     bool     `json:"key,omitempty"` // in a primary, unique or foreign key
	NotNull bool     `json:"notnull,omitempty"`
	Default string   `json:"default,omitempty"` // for DuckDB
}

// key is the name under which a table is locked.
func (s *session) key(t tableName) string {
	if t.schema == "" && s.temps[t.name] || t.schema == "pg_temp" {
		return fmt.Sprintf("pg_temp_%d.%s", s.id, t.name)
	}
	if t.schema == "" {
		t.schema = s.schema()
	}
	return t.schema + "." + t.name
}

// schema is where new tables go.
func (s *session) schema() string {
	for name := range strings.SplitSeq(s.settings["search_path"], ",") {
		if name = strings.TrimSpace(name); name != "" && name != "$user" {
			return name
		}
	}
	return "public"
}

// duck writes a table's name for DuckDB.
func (s *session) duck(t tableName) string {
	if t.schema == "" && s.temps[t.name] || t.schema == "pg_temp" {
		return "temp.main." + identifier(t.name)
	}
	if t.schema == "" {
		t.schema = s.schema()
	}
	return "memory." + identifier(t.schema) + "." + identifier(t.name)
}

// where finds a table in DuckDB's catalog.
func (s *session) where(t tableName) string {
	if t.schema == "" && s.temps[t.name] || t.schema == "pg_temp" {
		return "database_name = 'temp' AND schema_name = 'main' AND table_name = " + literal(t.name)
	}
	if t.schema == "" {
		t.schema = s.schema()
	}
	return fmt.Sprintf("database_name = 'memory' AND schema_name = %s AND table_name = %s", literal(t.schema), literal(t.name))
}

// exists looks for a table without taking a snapshot, as LOCK must.
func (s *session) exists(ctx context.Context, t tableName) bool {
	var n int
	query := "SELECT count(*) FROM duckdb_tables() WHERE " + s.where(t)
	if s.tx.open || s.temps[t.name] {
		return s.db.QueryRowContext(ctx, query).Scan(&n) == nil && n > 0
	}
	return s.server.db.QueryRowContext(ctx, query).Scan(&n) == nil && n > 0
}

// describe returns a table's columns in order.
func (s *session) describe(ctx context.Context, t tableName) ([]columnInfo, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT column_name, coalesce(comment, ''), data_type FROM duckdb_columns() WHERE "+
		s.where(t)+" ORDER BY column_index")
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _ = rows.Close() }()
	var columns []columnInfo
	for rows.Next() {
		var c columnInfo
		var comment, duck string
		if err := rows.Scan(&c.Column, &comment, &duck); err != nil {
			return nil, err
		}
		if comment == "" {
			c.Type = fromDuck(duck)
		} else if err := json.Unmarshal([]byte(comment), &c); err != nil {
			return nil, fmt.Errorf("comment of %s.%s: %w", t, c.Column, err)
		}
		columns = append(columns, c)
	}
	if len(columns) == 0 && rows.Err() == nil {
		return nil, errorf(codeNoTable, "relation %q does not exist", t.String())
	}
	return columns, rows.Err()
}

// fromDuck is the type of a result, or of a column that a query made.
func fromDuck(duck string) dataType {
	if args, ok := strings.CutPrefix(duck, "DECIMAL("); ok {
		t := dataType{Name: "numeric"}
		if _, err := fmt.Sscanf(args, "%d,%d)", &t.Length, &t.Scale); err == nil {
			return t
		}
	}
	switch duck {
	case "HUGEINT":
		return dataType{Name: "numeric", Length: 38}
	case "TIMESTAMP WITH TIME ZONE":
		return dataType{Name: "timestamp with time zone"}
	case "VARCHAR", "\"NULL\"":
		return dataType{Name: "character varying", Length: maxVarchar}
	}
	for name, t := range typeTable {
		if t.duck == duck && name != "character" {
			return dataType{Name: name}
		}
	}
	return dataType{Name: duck}
}

// comment writes what a column is into DuckDB's catalog.
func (s *session) comment(ctx context.Context, t tableName, c columnInfo) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.exec(ctx, fmt.Sprintf("COMMENT ON COLUMN %s.%s IS %s", s.duck(t), identifier(c.Column), literal(string(data))))
}

// exec runs a statement of DuckDB's.
func (s *session) exec(ctx context.Context, duck string) error {
	_, err := s.db.ExecContext(ctx, duck)
	return translate(err)
}
