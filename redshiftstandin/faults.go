package redshiftstandin

import "time"

// Effect is what a fault does to a statement.
type Effect uint8

const (
	// Delay only lets the statement wait.
	Delay Effect = iota
	// Violation fails the statement with error 1023.
	Violation
	// CutBefore closes the connection before the statement has run; an open
	// transaction is rolled back.
	CutBefore
	// CutAfter runs the statement and closes the connection without an
	// answer. Of a COMMIT the client can't know the outcome then.
	CutAfter
)

// Fault is trouble that a test orders for a statement.
type Fault struct {
	// Match says which statement is meant, by its text; nil means the next one.
	Match  func(sql string) bool
	Effect Effect
	Wait   time.Duration // before the effect
}

// Inject orders faults; each strikes once, the first statement that matches.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Pending returns how many faults have not struck yet.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults)
}

// fault takes the fault that is meant for a statement.
func (s *Server) fault(sql string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Match == nil || f.Match(sql) {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			return f, true
		}
	}
	return Fault{}, false
}
