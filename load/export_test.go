package load

import (
	"context"
	"errors"

	"github.com/ikada-io/ikada"
)

// FailForTest notes a failure of a log type.
func (l *Loader) FailForTest(of ikada.LogType, text string) {
	l.mu.Lock()
	b := l.backlog(of.PathName())
	l.mu.Unlock()
	l.noteFailure(context.Background(), b, errors.New(text))
}
