package redshift

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Login gives the credentials of a new connection. Package awslogin has those
// of AWS: IAM and Secrets Manager. expires is zero if they last.
type Login interface {
	Login(ctx context.Context) (user, password string, expires time.Time, err error)
}

// early is how long before their end credentials are renewed: a connection is
// made meanwhile, and clocks differ.
const early = time.Minute

// keptLogin keeps credentials until shortly before they expire.
type keptLogin struct {
	from Login

	mu       sync.Mutex
	user     string
	password Password
	expires  time.Time
	known    bool
}

func (k *keptLogin) get(ctx context.Context) (user string, password Password, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known && (k.expires.IsZero() || time.Until(k.expires) > early) {
		return k.user, k.password, nil
	}
	user, text, expires, err := k.from.Login(ctx)
	if err != nil {
		return "", Password{}, fmt.Errorf("get credentials: %w", err)
	}
	k.user, k.password, k.expires, k.known = user, NewPassword(text), expires, true
	return k.user, k.password, nil
}
