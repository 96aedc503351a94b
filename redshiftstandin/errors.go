package redshiftstandin

import "fmt"

// Error is an error as a client sees it: SQLSTATE, message, and what Redshift
// adds to it.
type Error struct {
	Code    string // SQLSTATE
	Message string
	Detail  string
}

func (e *Error) Error() string {
	if e.Detail != "" {
		return e.Message + ": " + e.Detail
	}
	return e.Message
}

// SQLSTATEs that this package answers with. Redshift's own errors, whatever
// their cause, are XX000.
const (
	codeInternal      = "XX000"
	codeSyntax        = "42601"
	codeNoTable       = "42P01"
	codeNoColumn      = "42703"
	codeNoFunction    = "42883"
	codeDuplicate     = "42P07"
	codeDuplicateCol  = "42701"
	codeUnsupported   = "0A000"
	codeAborted       = "25P02"
	codeInBlock       = "25001"
	codeNoBlock       = "25P01"
	codeCancelled     = "57014"
	codeDeadlock      = "40P01"
	codeTooLong       = "22001"
	codeBadValue      = "22P02"
	codeBadParameter  = "22023"
	codeNoParameter   = "42704"
	codeNotNull       = "23502"
	codeWrongObject   = "42809"
	codeTooManyColumn = "54011"
	codeBadPassword   = "28P01"
	codeProtocol      = "08P01"
)

func errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// syntaxError is a statement that Redshift would not parse either.
func syntaxError(format string, args ...any) *Error {
	return errorf(codeSyntax, "syntax error: "+format, args...)
}

// notImitated refuses what Redshift may do and the stand-in does not.
func notImitated(format string, args ...any) *Error {
	return errorf(codeUnsupported, "the stand-in does not imitate "+format, args...)
}

// violation is what Redshift answers, with this SQLSTATE, where transactions
// can't be put into an order.
func violation(table string, of, by int64) *Error {
	return &Error{Code: codeInternal, Message: "1023", Detail: fmt.Sprintf(
		"Serializable isolation violation on table - %s, transactions forming the cycle are: %d, %d", table, of, by)}
}
