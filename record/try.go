package record

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
)

// Try says whether all of a part would be read as events; if not, why. It is
// for what is tried now and then: it reads the part into a set of its own.
func Try(p *batch.Part) error {
	first := &firstBad{}
	rows, bad := NewSet(first).Part(p)
	switch {
	case bad > 0:
		return first.reason
	case rows == 0:
		return errors.New("it holds no event")
	}
	return nil
}

// firstBad listens for the first row of the quarantine.
type firstBad struct{ reason error }

// Wants only the quarantine.
func (*firstBad) Wants(t ikada.LogType) bool { return t == ikada.Quarantine }

// Row keeps the first reason.
func (f *firstBad) Row(_ ikada.LogType, line []byte) {
	if f.reason != nil {
		return
	}
	var row struct{ Reason string }
	if err := json.Unmarshal(line, &row); err != nil {
		f.reason = fmt.Errorf("read a row of the quarantine: %w", err)
		return
	}
	f.reason = errors.New(row.Reason)
}
