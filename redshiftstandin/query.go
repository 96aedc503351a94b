package redshiftstandin

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// column describes a column of a result.
type column struct {
	name string
	typ  dataType
}

func (c column) oid() uint32 {
	if oid := typeTable[c.typ.Name].oid; oid != 0 {
		return oid
	}
	return 25
}

// query answers a SELECT.
func (s *session) query(ctx context.Context, c *cursor, out sink) error {
	duck, err := s.translateQuery(ctx, c)
	if err != nil {
		return err
	}
	columns, err := s.resultOf(ctx, duck)
	if err != nil {
		return err
	}
	out.columns(columns)
	n, err := s.rows(ctx, duck, len(columns), out)
	if err != nil {
		return err
	}
	out.done(count("SELECT", n))
	return nil
}

// translateQuery locks the tables of a query and writes it for DuckDB.
func (s *session) translateQuery(ctx context.Context, c *cursor) (string, error) {
	if err := refuseForeign(c.tokens); err != nil {
		return "", err
	}
	refs := references(c)
	for _, r := range refs {
		if !s.isSystem(r.tableName) {
			if err := s.lock(ctx, s.key(r.tableName), reading); err != nil {
				return "", err
			}
		}
	}
	if err := s.open(ctx); err != nil {
		return "", err
	}
	if err := s.refreshErrors(ctx, refs); err != nil {
		return "", err
	}
	return s.rewrite(ctx, c, refs)
}

// resultOf asks DuckDB for the columns of a query.
func (s *session) resultOf(ctx context.Context, duck string) ([]column, error) {
	rows, err := s.db.QueryContext(ctx, "DESCRIBE "+duck)
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _ = rows.Close() }()
	var columns []column
	for rows.Next() {
		var name, duckType string
		var other sql.NullString
		if err := rows.Scan(&name, &duckType, &other, &other, &other, &other); err != nil {
			return nil, err
		}
		t := fromDuck(duckType)
		if typeTable[t.Name].oid == 0 {
			return nil, notImitated("a result of DuckDB's type %s (column %q)", duckType, name)
		}
		columns = append(columns, column{resultName(name), t})
	}
	return columns, rows.Err()
}

// resultName is a column's name without what the rewriting put into it.
func resultName(name string) string {
	if name == `"?column?"` {
		return "?column?"
	}
	if strings.HasPrefix(name, "CASE ") {
		return "case"
	}
	if function, _, call := strings.Cut(name, "("); call {
		function = strings.ToLower(strings.Trim(function, `"`))
		switch function {
		case "count_star":
			return "count"
		case "":
			return "?column?"
		}
		return strings.TrimPrefix(function, "rs_")
	}
	return name
}

// rows runs a query and hands its rows over as text, which DuckDB writes as
// Redshift does, but for truth values.
func (s *session) rows(ctx context.Context, duck string, columns int, out sink) (int64, error) {
	names, texts := make([]string, columns), make([]string, columns)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
		texts[i] = fmt.Sprintf("rs_text(c%d)", i)
	}
	rows, err := s.db.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM (%s) AS q(%s)", strings.Join(texts, ", "), duck, strings.Join(names, ", ")))
	if err != nil {
		return 0, translate(err)
	}
	defer func() { _ = rows.Close() }()
	var n int64
	for ; rows.Next(); n++ {
		values := make([]*string, columns)
		targets := make([]any, columns)
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return n, translate(err)
		}
		out.row(values)
	}
	return n, translate(rows.Err())
}

// change is INSERT, UPDATE and DELETE.
func (s *session) change(ctx context.Context, c *cursor, out sink) error {
	verb := c.peek().text
	if err := refuseForeign(c.tokens); err != nil {
		return err
	}
	target, err := targetOf(c)
	if err != nil {
		return err
	}
	// The target first: a writer that waits must not have a snapshot yet.
	if err := s.lock(ctx, s.key(target), writing); err != nil {
		return err
	}
	duck, err := s.translateQuery(ctx, &cursor{tokens: c.tokens, fold: c.fold})
	if err != nil {
		return err
	}
	columns, err := s.describe(ctx, target)
	if err != nil {
		return err
	}
	result, err := s.db.ExecContext(ctx, duck)
	if err != nil {
		return translate(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	s.tx.written[s.key(target)] = true
	if verb != "delete" && n > 0 {
		if err := s.checkLengths(ctx, target, columns); err != nil {
			return err
		}
	}
	tag := strings.ToUpper(verb)
	if verb == "insert" {
		tag = "INSERT 0"
	}
	out.done(count(tag, n))
	return nil
}

// targetOf finds the table that a statement changes.
func targetOf(c *cursor) (tableName, error) {
	at := *c
	switch at.next().text {
	case "insert":
		if err := at.expect("into"); err != nil {
			return tableName{}, err
		}
	case "delete":
		_ = at.take("from")
	}
	return at.table()
}

// checkLengths looks for texts that do not fit, which DuckDB would keep. Their
// lengths are counted in bytes.
func (s *session) checkLengths(ctx context.Context, t tableName, columns []columnInfo) error {
	var tests []string
	for _, c := range columns {
		most := c.Type.Length
		switch c.Type.Name {
		case "character varying", "character":
		case "super":
			most = maxSuper
		default:
			continue
		}
		tests = append(tests, fmt.Sprintf("WHEN strlen(%s::VARCHAR) > %d THEN %s", identifier(c.Column), most, literal(c.Type.String())))
	}
	if len(tests) == 0 {
		return nil
	}
	var which string
	err := s.db.QueryRowContext(ctx, fmt.Sprintf("SELECT why FROM (SELECT CASE %s END AS why FROM %s) WHERE why IS NOT NULL LIMIT 1",
		strings.Join(tests, " "), s.duck(t))).Scan(&which)
	switch {
	case err == nil:
		return errorf(codeTooLong, "value too long for type %s", which)
	case strings.Contains(err.Error(), sql.ErrNoRows.Error()):
		return nil
	}
	return translate(err)
}
