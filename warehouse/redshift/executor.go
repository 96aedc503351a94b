package redshift

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ikada-io/ikada/warehouse"
)

// executor runs statements in the database. It is narrow enough for the Data
// API, whose transactions are lists of statements that are given all at once:
// nothing between BEGIN and COMMIT may depend on what was read there. So a
// transaction looks at the world beforehand, and guards in it make it fail if
// the world has changed.
type executor interface {
	// transact runs the statements as one transaction. patience bounds each
	// statement; 0: no bound. Errors: *guardError, *copyError,
	// *conflictError, *lostError, and *unknownError if it may have been
	// committed. After any other error nothing was done.
	transact(ctx context.Context, patience time.Duration, statements []statement) error

	// read runs a query and returns its rows as text.
	read(ctx context.Context, query string) ([]row, error)

	// alone runs a statement outside of a transaction block.
	alone(ctx context.Context, patience time.Duration, sql string) error

	// stream runs a user's query, which is known to only read.
	stream(ctx context.Context, query string, limit int64) (warehouse.Rows, error)

	close()
}

// row is a row of a result; nil is NULL.
type row []*string

func (r row) text(i int) string {
	if r[i] == nil {
		return ""
	}
	return *r[i]
}

// statement is one statement of a transaction: SQL or a guard.
type statement struct {
	sql   string
	guard *guard
	copy  bool // a COPY: the warehouse may tell what row it refused
}

func plain(sql string) statement { return statement{sql: sql} }

// guard is a number that must be as wanted, or the transaction fails.
type guard struct {
	name string // for its error
	expr string // of one number
	from string // "FROM … WHERE …", or empty
	want int64
}

func (g *guard) statement() statement { return statement{guard: g} }

// query asks for the number.
func (g *guard) query() string { return strings.TrimSpace("SELECT " + g.expr + " " + g.from) }

// guardMark is in the error of a guard that fails by itself.
const guardMark = "ikada guard: "

// failing is a query that fails by itself unless the number is as wanted: CAST,
// unlike TRY_CAST, is documented to fail on text that is no number. The CAST is
// around the CASE, and the text depends on the data, so that no planner
// computes the failure beforehand.
func (g *guard) failing() string {
	return strings.TrimSpace(fmt.Sprintf("SELECT CAST(CASE WHEN %s = %d THEN '1' ELSE %s END AS INTEGER) %s",
		g.expr, g.want, literal(guardMark+g.name), g.from))
}
