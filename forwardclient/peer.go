package forwardclient

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tinylib/msgp/msgp"
)

// Why no chunk will ever be acknowledged, however often it is sent.
var (
	// ErrPeer: the other end is no Forward server.
	ErrPeer = errors.New("it is no Forward server")
	// ErrWantsKey: the server demands a handshake, and there is no shared key.
	ErrWantsKey = errors.New("it wants a shared key")
	// ErrWantsTLS: the server speaks TLS, and the client does not.
	ErrWantsTLS = errors.New("it wants TLS")
	// ErrNoHELO: the server makes no handshake, and there is a shared key.
	ErrNoHELO = errors.New("it makes no handshake")
)

// expect waits for a message of a type, and tells by the first bytes of another
// one who sent it.
func expect(r *msgp.Reader, want msgp.Type) error {
	got, err := r.NextType()
	if err == nil && got == want {
		return nil
	}
	if r.Buffered() == 0 {
		return err
	}
	begin, err := r.R.Peek(min(r.Buffered(), 16))
	switch {
	case err != nil:
		return err
	case bytes.HasPrefix(begin, []byte("HTTP/")):
		return fmt.Errorf("%w: it answers in HTTP", ErrPeer)
	case bytes.HasPrefix(begin, []byte{0x15, 3}): // an alert
		return ErrWantsTLS
	case got == msgp.ArrayType: // HELO
		return ErrWantsKey
	}
	return fmt.Errorf("%w: it answers %q", ErrPeer, begin)
}
