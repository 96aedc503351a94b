package forward

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/collect/internal/msgpack"
)

// errRefused: the handshake failed.
var errRefused = errors.New("handshake refused")

// maxPing bounds the one message that is read from who is not yet trusted.
const maxPing = 16 << 10

// greet does what comes before the first message, in bounded time.
func (c *conn) greet(ctx context.Context) error {
	secure, isTLS := c.nc.(*tls.Conn)
	if !isTLS && c.s.opts.SharedKey == "" {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.s.opts.Stall, fmt.Errorf("no handshake within %s", c.s.opts.Stall))
	defer cancel()
	unblock := context.AfterFunc(ctx, func() { _ = c.nc.SetDeadline(time.Unix(1, 0)) })
	defer unblock()
	if isTLS {
		if err := secure.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("TLS handshake: %w", err)
		}
	}
	if c.s.opts.SharedKey == "" {
		return nil
	}
	return c.handshake(ctx)
}

// handshake proves to both sides that the other has the shared key.
func (c *conn) handshake(ctx context.Context) error {
	var salts [32]byte
	if _, err := rand.Read(salts[:]); err != nil {
		return fmt.Errorf("handshake: make a nonce: %w", err)
	}
	nonce, authSalt := salts[:16], salts[16:]
	if len(c.s.opts.Users) == 0 {
		authSalt = nil
	}
	if err := c.write(helo(nonce, authSalt)); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	f, err := c.readPing(ctx)
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	p, err := parsePing(&f)
	if err == nil {
		err = p.check(&c.s.opts, nonce, authSalt)
	}
	answer := pong(p, nonce, &c.s.opts, err)
	c.buf.Discard(len(f.raw))
	if werr := c.write(answer); werr != nil {
		return fmt.Errorf("handshake: %w", werr)
	}
	return err
}

func (c *conn) readPing(ctx context.Context) (frame, error) {
	var framing framer
	for {
		if err := c.fill(ctx); err != nil {
			return frame{}, err
		}
		f, ok, err := framing.scan(c.buf.Bytes(), maxPing)
		if err != nil || ok {
			return f, refuse(err)
		}
	}
}

func refuse(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

// helo is the server's first word. An empty auth says that no user is asked for.
func helo(nonce, auth []byte) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendString(b, "HELO")
	b = msgp.AppendMapHeader(b, 3)
	b = msgp.AppendString(b, "nonce")
	b = msgp.AppendBytes(b, nonce)
	b = msgp.AppendString(b, "auth")
	b = msgp.AppendBytes(b, auth)
	b = msgp.AppendString(b, "keepalive")
	return msgp.AppendBool(b, true)
}

// ping is the client's answer.
type ping struct {
	host, salt, digest, user, password []byte
}

func parsePing(f *frame) (p ping, err error) {
	if f.n != elements {
		return p, fmt.Errorf("%w: a message of %d elements came where a PING of 6 should: set the shared key at the sender", errRefused, f.n)
	}
	var fields [elements][]byte
	for i := range fields {
		v := f.at(i)
		if !msgpack.IsText(v[0]) {
			return p, fmt.Errorf("%w: element %d of the PING is no string", errRefused, i)
		}
		fields[i] = msgpack.Text(v)
	}
	if string(fields[0]) != "PING" {
		return p, fmt.Errorf("%w: %q came where a PING should", errRefused, fields[0])
	}
	return ping{fields[1], fields[2], fields[3], fields[4], fields[5]}, nil
}

func (p *ping) check(o *Options, nonce, authSalt []byte) error {
	if !same(p.digest, digest(p.salt, p.host, nonce, []byte(o.SharedKey))) {
		return fmt.Errorf("%w: the shared key of %q is another", errRefused, p.host)
	}
	if len(o.Users) == 0 {
		return nil
	}
	password, known := o.Users[string(p.user)]
	// Unknown users cost the same time as known ones.
	if !same(p.password, digest(authSalt, p.user, []byte(password))) || !known {
		return fmt.Errorf("%w: user %q or the password is wrong", errRefused, p.user)
	}
	return nil
}

// pong is the server's verdict, and its own proof where that is good.
func pong(p ping, nonce []byte, o *Options, err error) []byte {
	reason, host, proof := "", o.Hostname, ""
	if err != nil {
		reason, host = "shared key, user name or password mismatch", ""
	} else {
		proof = digest(p.salt, []byte(host), nonce, []byte(o.SharedKey))
	}
	b := msgp.AppendArrayHeader(nil, 5)
	b = msgp.AppendString(b, "PONG")
	b = msgp.AppendBool(b, err == nil)
	for _, s := range []string{reason, host, proof} {
		b = msgp.AppendString(b, s)
	}
	return b
}

func digest(parts ...[]byte) string {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func same(got []byte, want string) bool { return subtle.ConstantTimeCompare(got, []byte(want)) == 1 }
