package redshift

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// guardError: a guard has stopped a transaction, and nothing was done.
type guardError struct {
	name      string
	got, want string
}

func (e *guardError) Error() string {
	if e.got == "" {
		return fmt.Sprintf("guard %q failed, want %s", e.name, e.want)
	}
	return fmt.Sprintf("guard %q: got %s, want %s", e.name, e.got, e.want)
}

// unknownError: the answer to a COMMIT was lost.
type unknownError struct{ err error }

func (e *unknownError) Error() string {
	return "the transaction may or may not be committed: " + e.err.Error()
}
func (e *unknownError) Unwrap() error { return e.err }

// conflictError: the transaction could not be put into an order with others
// (error 1023, "Serializable isolation violation"), or was a deadlock's victim.
type conflictError struct{ err error }

func (e *conflictError) Error() string { return e.err.Error() }
func (e *conflictError) Unwrap() error { return e.err }

// lostError: the connection is gone, and the transaction with it.
type lostError struct{ err error }

func (e *lostError) Error() string { return "the connection is lost: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// copyError: COPY was refused. A *warehouse.LoadError in it tells the row.
type copyError struct{ err error }

func (e *copyError) Error() string { return "COPY: " + e.err.Error() }
func (e *copyError) Unwrap() error { return e.err }

// isConflict tells by SQLSTATE and text.
func isConflict(code, text string) bool {
	if code == "40001" || code == "40P01" {
		return true
	}
	for _, sign := range []string{"Serializable isolation violation", "conflict with concurrent transaction", "deadlock detected"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return text == "1023"
}

// again reports whether the same may succeed later: after a conflict, a lost
// connection, or where a guard found that another process was faster.
func again(err error) bool {
	var wrong *guardError
	var conflict *conflictError
	var lost *lostError
	var unknown *unknownError
	return errors.As(err, &wrong) && wrong.name != "rows" || errors.As(err, &conflict) || errors.As(err, &lost) || errors.As(err, &unknown)
}

// insist runs a transaction of which twice is once, again where that may help.
func (w *Warehouse) insist(ctx context.Context, patience time.Duration, statements []statement) error {
	for attempt := 0; ; attempt++ {
		err := w.db.transact(ctx, patience, statements)
		if err == nil || !again(err) || attempt >= w.opts.Retries {
			return err
		}
		if err := pause(ctx, w.opts.Backoff, attempt); err != nil {
			return err
		}
	}
}
