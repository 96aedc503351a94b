package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/internal/cli"
)

// strangers is how many connections may fail before the first acknowledgement.
// Who has acknowledged something is an Ikada that comes back, and is waited for.
const strangers = 5

// errNoAck: the other end never acknowledged anything.
var errNoAck = errors.New("acknowledges nothing")

// complaints returns what tells of failed connections: the first of a row, and
// the one at which to give up.
func complaints(to string, acked *atomic.Int64, tell func(line string), giveUp func(error)) func(error) {
	failed, before := 0, int64(0)
	return func(err error) { // by one goroutine
		now := acked.Load()
		if now != before {
			failed, before = 0, now
		}
		failed++
		why := strings.ReplaceAll(err.Error(), "\n", "; ") // writing and reading may fail at once
		hint, hopeless := peerHint(err)
		switch {
		case hopeless && now == 0:
			giveUp(fmt.Errorf("%s %w: %s: %s", to, errNoAck, why, hint))
		case failed == strangers && now == 0:
			giveUp(fmt.Errorf("%s %w: %s: is it the Forward port of an Ikada, and does it want --tls or --shared-key?", to, errNoAck, why))
		case failed == 1:
			tell(fmt.Sprintf("the connection to %s failed (%s): connecting again, to send what was not acknowledged", to, why))
		}
	}
}

// peerHint says what to do about another end that will never acknowledge
// anything, so that it is no use to connect again.
func peerHint(err error) (hint string, hopeless bool) {
	switch {
	case errors.Is(err, forwardclient.ErrPeer):
		return "give the Forward port of an Ikada (`ikada up` says which) by --to", true
	case errors.Is(err, forwardclient.ErrWantsKey):
		return "give the server's forward.shared_key by --shared-key", true
	case errors.Is(err, forwardclient.ErrWantsTLS):
		return "give --tls", true
	case errors.Is(err, forwardclient.ErrNoHELO):
		return "leave out --shared-key (and IKADA_FORWARD_SHARED_KEY) if the server has none, and give --tls if it wants that", true
	}
	return "", false
}

// connectHint says what to do when the first connection fails.
func connectHint(err error, withTLS bool) string {
	if hint, ok := peerHint(err); ok {
		return hint
	}
	if errors.Is(err, forwardclient.ErrHandshake) {
		return "check --shared-key, --user and --password, and --tls"
	}
	var plain tls.RecordHeaderError
	if withTLS && (errors.Is(err, io.EOF) || errors.As(err, &plain)) {
		return "does it speak TLS there? If not, leave out --tls"
	}
	if hint := cli.Hint(err); hint != "is it running there?" {
		return hint
	}
	return "is Ikada (`ikada up`) running there?"
}

// lockedWriter may be written to by several goroutines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
