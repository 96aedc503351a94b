package redshiftstandin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// session is one client's: a connection, or a call of the Data API.
type session struct {
	server   *Server
	id       int32
	secret   uint32
	user     string
	db       *sql.Conn
	tx       transaction
	settings map[string]string
	temps    map[string]bool // its temporary tables

	lastCopyRows, lastCopyID int64
	givenID                  int64 // the id that the Data API has given its statement; 0: none

	stop func() // ends the session from outside

	mu     sync.Mutex // guards cancel
	cancel context.CancelCauseFunc
}

// sink takes the answers to a session's statements.
type sink interface {
	columns([]column)
	row([]*string)
	done(tag string)
	notice(message string)
}

// errCut says that a fault closes the connection without an answer.
var errCut = errors.New("the connection is cut by a fault")

// newSession starts a session. stop is called when the server closes.
func (s *Server) newSession(ctx context.Context, user string, stop func()) (*session, error) {
	db, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	n := &session{
		server: s, id: int32(s.next()), secret: rand.Uint32(), user: user, db: db, stop: stop,
		settings: map[string]string{}, temps: map[string]bool{}, lastCopyID: -1,
	}
	for _, statement := range sessionSetup {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", statement, err), db.Close())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(errors.New("the server is closed"), db.Close())
	}
	s.sessions[n.id] = n
	return n, nil
}

// close rolls back what is open and drops the temporary tables.
func (s *session) close() {
	s.rollback()
	for t := range s.temps {
		_, _ = s.db.ExecContext(context.Background(), "DROP TABLE IF EXISTS temp."+identifier(t))
	}
	// The connection is not used again: its settings are the session's.
	_ = s.db.Raw(func(any) error { return sqlBadConn })
	_ = s.db.Close()
	s.server.mu.Lock()
	delete(s.server.sessions, s.id)
	s.server.mu.Unlock()
}

// run runs all statements of a message, in one transaction unless they say
// otherwise: as in PostgreSQL.
func (s *session) run(ctx context.Context, sql string, out sink) error {
	tokens, err := s.lex(sql)
	if err != nil {
		s.fail()
		return err
	}
	statements := split(tokens)
	for i, tokens := range statements {
		s.tx.chain = len(statements) > 1
		if err := s.execute(ctx, sql, tokens, out); err != nil {
			return err
		}
		if s.tx.chain && !s.tx.block && i == len(statements)-1 {
			if err := s.commit(); err != nil {
				return err
			}
		}
	}
	s.tx.chain = false
	return nil
}

// execute runs one statement, with the faults that are ordered for it.
func (s *session) execute(ctx context.Context, sql string, tokens []token, out sink) error {
	fault, struck := s.server.fault(sql)
	if struck {
		time.Sleep(fault.Wait)
		switch fault.Effect {
		case CutBefore:
			return errCut
		case Violation:
			s.begin()
			err := violation("100000", s.tx.id, s.tx.id+1)
			s.fail()
			return err
		}
	}
	ctx, end := s.limit(ctx)
	defer end()
	held := &held{sink: out}
	err := s.dispatch(ctx, tokens, held)
	if err == nil && !s.tx.block && !s.tx.chain {
		err = s.commit()
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		s.fail()
		return err
	}
	if struck && fault.Effect == CutAfter {
		return errCut
	}
	held.release()
	return nil
}

// held keeps back the tag, which may be sent only when a statement outside a
// block has been committed.
type held struct {
	sink
	tag string
}

func (h *held) done(tag string) { h.tag = tag }
func (h *held) release()        { h.sink.done(h.tag) }

// limit lets a statement be cancelled, and ends it after statement_timeout.
func (s *session) limit(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	var timer *time.Timer
	if ms, _ := strconv.Atoi(s.settings["statement_timeout"]); ms > 0 {
		timer = time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { s.interrupt("Query cancelled on statement timeout") })
	}
	return ctx, func() {
		if timer != nil {
			timer.Stop()
		}
		s.mu.Lock()
		s.cancel = nil
		s.mu.Unlock()
		cancel(nil)
	}
}

// queryID is the id of the statement at hand.
func (s *session) queryID() int64 {
	if s.givenID != 0 {
		return s.givenID
	}
	return s.server.next()
}

// interrupt cancels the statement that runs.
func (s *session) interrupt(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(errorf(codeCancelled, "%s", why))
	}
}

// dispatch finds out what a statement is.
func (s *session) dispatch(ctx context.Context, tokens []token, out sink) error {
	verb := tokens[0].text
	if s.tx.failed && !tokens[0].is("rollback", "abort", "commit", "end") {
		return errorf(codeAborted, "current transaction is aborted, commands ignored until end of transaction block")
	}
	do, known := statements()[verb]
	if tokens[0].is("(") {
		do, known = (*session).query, true
	}
	switch {
	case !known && otherStatements[verb]:
		return notImitated("the statement %s", tokens[0].raw)
	case !known || tokens[0].kind != word && !tokens[0].is("("):
		return syntaxError("at or near %q", tokens[0].raw)
	}
	for _, t := range tokens {
		if t.kind == binding {
			return errorf("42P02", "there is no parameter $%s", t.text)
		}
	}
	return do(s, ctx, &cursor{tokens: tokens, fold: s.folds()}, out)
}

// lex cuts a message into tokens.
func (s *session) lex(sql string) ([]token, error) { return lex(sql, !s.server.options.PgxArguments) }

// folds says whether quoted names lose their case.
func (s *session) folds() bool { return s.settings["enable_case_sensitive_identifier"] != "true" }
