package redshift

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ikada-io/ikada/warehouse"
)

// wire is an executor over PostgreSQL's wire protocol. Everything goes by the
// simple protocol, as text. Queries of users have connections of their own, so
// that they never keep a load waiting.
type wire struct {
	pool, users *pgxpool.Pool
}

const (
	poolSize = 8
	userSize = 4
	// commitTime bounds a COMMIT, which no context cancels.
	commitTime = 5 * time.Minute
	rollTime   = 10 * time.Second
)

// connect makes the pools, and one connection, to learn of wrong settings.
func connect(ctx context.Context, o Options) (executor, error) {
	config, err := poolConfig(o)
	if err != nil {
		return nil, err
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	config = config.Copy()
	config.MaxConns = userSize
	users, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		pool.Close()
		return nil, err
	}
	w := &wire{pool, users}
	if err := pool.Ping(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// CheckConnection tells whether the settings of the connection can be read.
func (o Options) CheckConnection() error {
	_, err := poolConfig(o)
	return err
}

// poolConfig makes pgx's settings of ours.
func poolConfig(o Options) (*pgxpool.Config, error) {
	text := o.DSN.reveal()
	if text == "" {
		text = fmt.Sprintf("host=%s port=%d dbname=%s user=%s sslmode=%s", setting(o.Host), o.Port, setting(o.Database), setting(o.User), setting(o.TLS))
	}
	config, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, errors.New("the settings of the connection can't be read: look at the URL, or at host, port and TLS mode") // its own error may show the DSN
	}
	if o.DSN.reveal() == "" {
		config.ConnConfig.Password = o.Password.reveal()
	}
	c := config.ConnConfig
	c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	c.RuntimeParams["application_name"] = "ikada"
	// A cancelled statement is cancelled at the server too, which else holds
	// its locks until it notices.
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 5 * time.Second}
	}
	config.AfterConnect = begin(o)
	if o.Login != nil {
		login := &keptLogin{from: o.Login}
		config.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) error {
			user, password, err := login.get(ctx)
			c.User, c.Password = user, password.reveal()
			return err
		}
	}
	return config, nil
}

// setting quotes a value of a connection string.
func setting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// begin prepares a connection: numbers with all their digits, times in UTC.
func begin(o Options) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, c *pgx.Conn) error {
		for _, s := range []string{
			"SET extra_float_digits TO 2", "SET timezone TO 'UTC'", "SET datestyle TO 'ISO, MDY'", "SET search_path TO " + identifier(o.Schema),
		} {
			if _, err := ask(ctx, c.PgConn(), s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	}
}

func (w *wire) close() {
	w.users.Close()
	w.pool.Close()
}

// ask runs one statement and returns its rows.
func ask(ctx context.Context, c *pgconn.PgConn, sql string) ([]row, error) {
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, classify(err)
	}
	var rows []row
	for _, r := range results {
		for _, values := range r.Rows {
			rows = append(rows, textRow(values))
		}
	}
	return rows, nil
}

func textRow(values [][]byte) row {
	r := make(row, len(values))
	for i, v := range values {
		if v != nil {
			text := string(v)
			r[i] = &text
		}
	}
	return r
}

// classify tells conflicts and lost connections from other errors.
func classify(err error) error {
	var told *pgconn.PgError
	switch {
	case !errors.As(err, &told):
		return &lostError{err}
	case isConflict(told.Code, told.Message) || isConflict("", told.Detail):
		return &conflictError{fmt.Errorf("%w: %s", err, told.Detail)}
	case told.Detail != "":
		return fmt.Errorf("%w: %s", err, told.Detail)
	}
	return err
}

func (w *wire) read(ctx context.Context, query string) (rows []row, err error) {
	err = w.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		rows, err = ask(ctx, c.Conn().PgConn(), query)
		return err
	})
	return rows, err
}

func (w *wire) alone(ctx context.Context, patience time.Duration, sql string) error {
	return w.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		conn := c.Conn().PgConn()
		if err := setPatience(ctx, conn, patience); err != nil {
			return err
		}
		_, err := ask(ctx, conn, sql)
		return errors.Join(err, setPatience(ctx, conn, 0))
	})
}

func setPatience(ctx context.Context, c *pgconn.PgConn, patience time.Duration) error {
	_, err := ask(ctx, c, "SET statement_timeout TO "+integer(patience.Milliseconds()))
	return err
}

// transact runs the statements between BEGIN and COMMIT.
func (w *wire) transact(ctx context.Context, patience time.Duration, statements []statement) error {
	return w.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		conn := c.Conn().PgConn()
		if err := setPatience(ctx, conn, patience); err != nil {
			return err
		}
		if _, err := ask(ctx, conn, "BEGIN"); err != nil {
			return err
		}
		for _, s := range statements {
			if err := run(ctx, conn, s); err != nil {
				return errors.Join(s.failed(ctx, conn, err), setPatience(context.WithoutCancel(ctx), conn, 0))
			}
		}
		return commit(ctx, conn)
	})
}

func run(ctx context.Context, c *pgconn.PgConn, s statement) error {
	if s.guard == nil {
		_, err := ask(ctx, c, s.sql)
		return err
	}
	rows, err := ask(ctx, c, s.guard.query())
	if err != nil {
		return err
	}
	want := integer(s.guard.want)
	if len(rows) != 1 || rows[0].text(0) != want {
		got := "no row"
		if len(rows) > 0 {
			got = rows[0].text(0)
		}
		return &guardError{name: s.guard.name, got: got, want: want}
	}
	return nil
}

// failed rolls back, and asks why if the statement was a COPY.
func (s statement) failed(ctx context.Context, c *pgconn.PgConn, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollTime)
	defer cancel()
	if c.IsClosed() {
		return err
	}
	if _, failed := ask(ctx, c, "ROLLBACK"); failed != nil {
		_ = c.Close(ctx) // a connection in an unknown state is of no use
		return err
	}
	var told *pgconn.PgError
	if s.copy && errors.As(err, &told) && told.Code != "57014" && !again(err) { // not for having been cancelled
		return &copyError{detail(ctx, c, err)}
	}
	return err
}

// detail adds which row a COPY was refused for, from the warehouse's own table.
func detail(ctx context.Context, c *pgconn.PgConn, err error) error {
	if !strings.Contains(err.Error(), "load_error") {
		return err // it names the table if the data are to blame
	}
	pid, failed := ask(ctx, c, "SELECT pg_backend_pid()")
	if failed != nil || len(pid) == 0 {
		return err
	}
	rows, failed := ask(ctx, c, detailQuery("session_id = "+pid[0].text(0)))
	if failed != nil || len(rows) == 0 {
		return err
	}
	return loadError(rows[0], err)
}

// detailQuery asks for the last row that was refused.
func detailQuery(where string) string {
	return "SELECT file_name, line_number, column_name, error_message FROM sys_load_error_detail WHERE " + where +
		" ORDER BY start_time DESC, line_number LIMIT 1"
}

// loadError makes an error of a row of SYS_LOAD_ERROR_DETAIL, which pads.
func loadError(r row, err error) *warehouse.LoadError {
	e := &warehouse.LoadError{
		File: strings.TrimSpace(r.text(0)), Column: strings.TrimSpace(r.text(2)), Reason: strings.TrimSpace(r.text(3)), Err: err,
	}
	_, _ = fmt.Sscan(r.text(1), &e.Line) // 0 if it is not told
	return e
}

// commit ends a transaction. Nothing cancels it, and an answer that does not
// come leaves the outcome unknown.
func commit(ctx context.Context, c *pgconn.PgConn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	results, err := c.Exec(ctx, "COMMIT").ReadAll()
	var told *pgconn.PgError
	switch {
	case errors.As(err, &told):
		_, _ = ask(ctx, c, "ROLLBACK")
		return classify(err)
	case err != nil:
		_ = c.Close(ctx)
		return &unknownError{err}
	case len(results) != 1 || results[0].CommandTag.String() != "COMMIT":
		return errors.New("the server has rolled the transaction back")
	}
	return setPatience(ctx, c, 0)
}
