package redshiftstandin

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestAnErrorAbortsTheTransaction(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must("CREATE TABLE t (a BIGINT)", "BEGIN", "INSERT INTO t VALUES (1)")
	c.refuses("SELECT nope FROM t", codeNoColumn, `column "nope" does not exist`)
	if s := c.PgConn().TxStatus(); s != 'E' {
		t.Errorf("status %c, want E", s)
	}
	c.refuses("SELECT 1", codeAborted, "current transaction is aborted")
	c.refuses("LOCK t", codeAborted, "current transaction is aborted")
	c.must("COMMIT") // which rolls back
	c.wants("SELECT count(*) FROM t", "0")
	c.must("BEGIN", "CREATE TABLE u (a INT)", "INSERT INTO t VALUES (1)", "ROLLBACK")
	c.refuses("SELECT * FROM u", codeNoTable, `relation "u" does not exist`)
	c.must("BEGIN", "INSERT INTO t VALUES (7)", "END")
	c.wants("SELECT a FROM t", "7")
	// Statements of one message are one transaction.
	c.refuses("INSERT INTO t VALUES (8); SELECT nope FROM t", codeNoColumn, "nope")
	c.must("INSERT INTO t VALUES (9); INSERT INTO t VALUES (10)")
	c.wants("SELECT a FROM t ORDER BY a", "7", "9", "10")
	c.refuses("COMMIT; SELECT nope", codeNoColumn, "nope")
}

func TestLockBlocksReadersUntilTheEnd(t *testing.T) {
	b := start(t, Options{})
	a, other := b.connect(), b.connect()
	a.must("CREATE TABLE t (a BIGINT)", "CREATE TABLE u (a BIGINT)")
	a.refuses("LOCK t", codeNoBlock, "LOCK TABLE may only be used in transaction blocks")
	a.must("BEGIN", "LOCK TABLE t, u")
	other.must("SET statement_timeout TO 100")
	other.refuses("SELECT * FROM t", codeCancelled, "cancelled")
	other.refuses("INSERT INTO u VALUES (1)", codeCancelled, "cancelled")
	other.must("RESET statement_timeout")
	done := make(chan []string)
	go func() { done <- other.rows("SELECT count(*) FROM t") }()
	select {
	case <-done:
		t.Fatal("a reader got past the lock")
	case <-time.After(100 * time.Millisecond):
	}
	a.must("INSERT INTO t VALUES (1)", "COMMIT")
	if got := <-done; got[0] != "1" {
		t.Errorf("the reader saw %s rows, want 1", got)
	}
	a.must("BEGIN")
	a.refuses("LOCK nosuch", codeNoTable, "nosuch")
}

func TestLockTimeout(t *testing.T) {
	b := start(t, Options{LockTimeout: 50 * time.Millisecond})
	a, other := b.connect(), b.connect()
	a.must("CREATE TABLE t (a BIGINT)", "BEGIN", "LOCK t")
	other.refuses("SELECT * FROM t", "55P03", "lock timeout")
}

func TestDeadlockIsFound(t *testing.T) {
	b := start(t, Options{})
	a, other := b.connect(), b.connect()
	a.must("CREATE TABLE t (a BIGINT)", "CREATE TABLE u (a BIGINT)", "BEGIN", "LOCK t")
	other.must("BEGIN", "LOCK u")
	done := make(chan error)
	go func() { done <- other.try("LOCK t") }()
	time.Sleep(50 * time.Millisecond)
	a.refuses("LOCK u", codeDeadlock, "deadlock")
	if err := <-done; err != nil {
		t.Errorf("the other goes on: %v", err)
	}
}

func TestWritersSerializeOrConflict(t *testing.T) {
	b := start(t, Options{})
	a, other := b.connect(), b.connect()
	a.must("CREATE TABLE t (a BIGINT)", "CREATE TABLE u (a BIGINT)")

	// A writer that waits with its first statement goes on (Managing
	// concurrent write operations, AWS guide).
	a.must("BEGIN", "INSERT INTO t VALUES (1)")
	other.must("BEGIN")
	done := make(chan error)
	go func() { done <- other.try("INSERT INTO t VALUES (2)") }()
	time.Sleep(50 * time.Millisecond)
	a.must("COMMIT")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	other.must("COMMIT")
	a.wants("SELECT count(*) FROM t", "2")

	// One whose snapshot is older than the commit conflicts.
	other.must("BEGIN")
	other.wants("SELECT count(*) FROM u", "0")
	a.must("INSERT INTO t VALUES (3)")
	other.refuses("INSERT INTO t VALUES (4)", codeInternal, "1023Serializable isolation violation on table - public.t")
	other.must("ROLLBACK")
	a.wants("SELECT count(*) FROM t", "3")
}

func TestSnapshotIsolationLetsBlindWritersPass(t *testing.T) {
	b := start(t, Options{Isolation: Snapshot})
	a, other := b.connect(), b.connect()
	a.must("CREATE TABLE t (a BIGINT)", "INSERT INTO t VALUES (1)")
	other.must("BEGIN")
	other.wants("SELECT count(*) FROM t", "1")
	a.must("INSERT INTO t VALUES (2)")
	other.wants("SELECT count(*) FROM t", "1")
	other.must("INSERT INTO t VALUES (3)", "COMMIT")
	a.wants("SELECT count(*) FROM t", "3")
	other.must("BEGIN")
	other.wants("SELECT count(*) FROM t", "3")
	a.must("UPDATE t SET a = 10 WHERE a = 1")
	other.refuses("UPDATE t SET a = 11 WHERE a = 1", codeInternal, "1023")
}

func TestFaults(t *testing.T) {
	b := start(t, Options{})
	c := b.connect()
	c.must("CREATE TABLE t (a BIGINT)")
	commit := func(sql string) bool { return sql == "COMMIT" }
	insert := func(sql string) bool { return strings.HasPrefix(sql, "INSERT") }

	b.server.Inject(Fault{Match: insert, Effect: Violation}, Fault{Match: insert, Wait: 50 * time.Millisecond})
	c.refuses("INSERT INTO t VALUES (1)", codeInternal, "1023")
	before := time.Now()
	c.must("INSERT INTO t VALUES (1)")
	if time.Since(before) < 50*time.Millisecond {
		t.Error("no delay")
	}
	for _, f := range []struct {
		effect Effect
		rows   string
	}{{CutBefore, "1"}, {CutAfter, "2"}} {
		b.server.Inject(Fault{Match: commit, Effect: f.effect})
		cut := b.connect()
		cut.must("BEGIN", "INSERT INTO t VALUES (2)")
		if err := cut.try("COMMIT"); err == nil || !cut.IsClosed() {
			t.Errorf("effect %d: %v, the connection is still open", f.effect, err)
		}
		b.connect().wants("SELECT count(*) FROM t", f.rows)
	}
	if n := b.server.Pending(); n != 0 {
		t.Errorf("%d faults have not struck", n)
	}
}

func TestCancelRequest(t *testing.T) {
	b := start(t, Options{})
	a, other := b.connect(), b.connect()
	a.must("CREATE TABLE t (a BIGINT)", "BEGIN", "LOCK t")
	done := make(chan error)
	go func() { done <- other.try("SELECT * FROM t") }()
	time.Sleep(50 * time.Millisecond)
	if err := other.PgConn().CancelRequest(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || !strings.Contains(err.Error(), codeCancelled) {
		t.Errorf("got %v", err)
	}
}

func TestADroppedConnectionRollsBack(t *testing.T) {
	b := start(t, Options{})
	a := b.connect()
	a.must("CREATE TABLE t (a BIGINT)", "BEGIN", "LOCK t", "INSERT INTO t VALUES (1)")
	_ = a.PgConn().Conn().Close()
	b.connect().wants("SELECT count(*) FROM t", "0")
}
