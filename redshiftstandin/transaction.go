package redshiftstandin

import (
	"context"
	"time"
)

// transaction is what a session has open. DuckDB's own transaction begins
// late, at the first statement that needs a snapshot: in Redshift, too, BEGIN
// and LOCK take none ("Serializable isolation" in the AWS guide), which is why
// a LOCK must come first.
type transaction struct {
	block    bool // between BEGIN and END
	chain    bool // one of several statements in one message
	failed   bool // refuses everything until it is rolled back
	open     bool // in DuckDB
	id       int64
	snapshot int64           // commits when it was taken
	written  map[string]bool // tables to stamp at the commit
	declared *declared       // its cursor
}

// begin makes sure that a transaction has an id.
func (s *session) begin() {
	if s.tx.id == 0 {
		s.tx.id = s.server.next()
		s.tx.written = map[string]bool{}
	}
}

// open begins DuckDB's transaction.
func (s *session) open(ctx context.Context) error {
	s.begin()
	if s.tx.open {
		return nil
	}
	s.server.committing.Lock() // so that no commit falls between stamp and snapshot
	defer s.server.committing.Unlock()
	s.tx.snapshot = s.server.commits()
	if _, err := s.db.ExecContext(ctx, "BEGIN TRANSACTION"); err != nil {
		return translate(err)
	}
	s.tx.open = true
	// DuckDB takes its snapshot when the transaction first looks at the
	// database; let that be now.
	_, err := s.db.ExecContext(ctx, "SELECT count(*) FROM _standin.pulse")
	return translate(err)
}

// lock locks a table. A writer whose snapshot misses a later commit to the
// table can't be serialized.
func (s *session) lock(ctx context.Context, table string, m mode) error {
	s.begin()
	if s.server.options.LockTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.server.options.LockTimeout,
			errorf("55P03", "canceling statement due to lock timeout on %q", table))
		defer cancel()
	}
	if err := s.server.locks.acquire(ctx, s, table, m); err != nil {
		return err
	}
	if m == reading || !s.tx.open || s.server.options.Isolation == Snapshot {
		return nil
	}
	if at, by := s.server.lastCommit(table); at > s.tx.snapshot && by != s.tx.id {
		return violation(table, s.tx.id, by)
	}
	return nil
}

// commit ends the transaction.
func (s *session) commit() error {
	var err error
	if s.tx.open {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		s.server.committing.Lock()
		if _, err = s.db.ExecContext(ctx, "COMMIT"); err == nil {
			s.server.stamp(s.tx.written, s.tx.id)
		}
		s.server.committing.Unlock()
		if err != nil {
			_, _ = s.db.ExecContext(ctx, "ROLLBACK")
			err = translate(err)
		}
	}
	s.finish()
	return err
}

// rollback ends the transaction without its changes.
func (s *session) rollback() {
	if s.tx.open {
		_, _ = s.db.ExecContext(context.Background(), "ROLLBACK")
		s.forgetTemps()
	}
	s.finish()
}

// forgetTemps looks which temporary tables a rollback has left.
func (s *session) forgetTemps() {
	left := map[string]bool{}
	rows, err := s.db.QueryContext(context.Background(),
		`SELECT table_name FROM duckdb_tables() WHERE database_name = 'temp' AND NOT starts_with(table_name, 'rs_')`)
	if err != nil {
		return
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if rows.Scan(&name) == nil {
			left[name] = true
		}
	}
	if rows.Err() == nil {
		s.temps = left
	}
}

func (s *session) finish() {
	s.tx = transaction{}
	s.server.locks.release(s)
}

// fail notes that a statement failed: the work of a block is lost at once, its
// locks are free, and only ROLLBACK is heard.
func (s *session) fail() {
	block := s.tx.block
	s.rollback()
	s.tx.block, s.tx.failed = block, block
}
