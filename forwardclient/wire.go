package forwardclient

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/tinylib/msgp/msgp"
)

// encode returns a payload as a message of mode PackedForward, or
// CompressedPackedForward.
func encode(tag, id string, payload []byte, n int, compression string) []byte {
	b := make([]byte, 0, len(payload)+len(tag)+128)
	b = msgp.AppendArrayHeader(b, 3)
	b = msgp.AppendString(b, tag)
	b = msgp.AppendBytes(b, payload)
	if compression == "" {
		b = msgp.AppendMapHeader(b, 2)
	} else {
		b = msgp.AppendMapHeader(b, 3)
		b = msgp.AppendString(b, "compressed")
		b = msgp.AppendString(b, compression)
	}
	b = msgp.AppendString(b, "size")
	b = msgp.AppendInt(b, n)
	b = msgp.AppendString(b, "chunk")
	return msgp.AppendString(b, id)
}

// compressor returns a function that compresses, safe for concurrent use.
func compressor(compression string) (func([]byte) ([]byte, error), error) {
	switch compression {
	case "":
		return func(b []byte) ([]byte, error) { return b, nil }, nil
	case "gzip":
		return gzipped, nil
	case "zstd":
		w, err := zstd.NewWriter(nil)
		if err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		return func(b []byte) ([]byte, error) { return w.EncodeAll(b, nil), nil }, nil
	}
	return nil, fmt.Errorf("unknown compression %q: use gzip, zstd or none", compression)
}

func gzipped(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}

// readAck reads {"ack": id}.
func readAck(r *msgp.Reader) (id string, err error) {
	if err := expect(r, msgp.MapType); err != nil {
		return "", err
	}
	n, err := r.ReadMapHeader()
	if err != nil {
		return "", err
	}
	for range n {
		key, err := r.ReadString()
		if err != nil {
			return "", err
		}
		if key != "ack" {
			err = r.Skip()
		} else {
			id, err = r.ReadString()
		}
		if err != nil {
			return "", err
		}
	}
	return id, nil
}

// handshake proves to both sides that the other has the shared key.
func (s *session) handshake(o *Options) error {
	nonce, auth, err := readHelo(s.r)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: no HELO came within %s", ErrNoHELO, patience(o))
	case err != nil:
		return fmt.Errorf("read HELO: %w", err)
	}
	var salt [16]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return fmt.Errorf("make a salt: %w", err)
	}
	password := ""
	if len(auth) > 0 {
		password = digest(auth, []byte(o.User), []byte(o.Password))
	}
	b := msgp.AppendArrayHeader(nil, 6)
	b = msgp.AppendString(b, "PING")
	b = msgp.AppendString(b, o.Hostname)
	b = msgp.AppendBytes(b, salt[:])
	b = msgp.AppendString(b, digest(salt[:], []byte(o.Hostname), nonce, []byte(o.SharedKey)))
	b = msgp.AppendString(b, o.User)
	b = msgp.AppendString(b, password)
	if _, err := s.nc.Write(b); err != nil {
		return fmt.Errorf("send PING: %w", err)
	}
	return s.readPong(o, salt[:], nonce)
}

func readHelo(r *msgp.Reader) (nonce, auth []byte, err error) {
	if err := expect(r, msgp.ArrayType); err != nil {
		return nil, nil, err
	}
	if err := readStart(r, 2, "HELO"); err != nil {
		return nil, nil, err
	}
	n, err := r.ReadMapHeader()
	if err != nil {
		return nil, nil, err
	}
	for range n {
		key, err := r.ReadString()
		if err != nil {
			return nil, nil, err
		}
		switch key {
		case "nonce":
			nonce, err = readText(r)
		case "auth":
			auth, err = readText(r)
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return nonce, auth, nil
}

func (s *session) readPong(o *Options, salt, nonce []byte) error {
	if err := readStart(s.r, 5, "PONG"); err != nil {
		return fmt.Errorf("read PONG: %w", err)
	}
	ok, err := s.r.ReadBool()
	if err != nil {
		return fmt.Errorf("read PONG: %w", err)
	}
	var rest [3][]byte // reason, host, digest
	for i := range rest {
		if rest[i], err = readText(s.r); err != nil {
			return fmt.Errorf("read PONG: %w", err)
		}
	}
	want := digest(salt, rest[1], nonce, []byte(o.SharedKey))
	switch {
	case !ok:
		return fmt.Errorf("the server refuses: %s", rest[0])
	case string(rest[1]) == o.Hostname:
		return fmt.Errorf("the server bears the client's name, %s", rest[1])
	case subtle.ConstantTimeCompare(rest[2], []byte(want)) != 1:
		return errors.New("the server does not know the shared key")
	}
	return nil
}

// readStart reads the head of a message and its first word.
func readStart(r *msgp.Reader, elements uint32, word string) error {
	n, err := r.ReadArrayHeader()
	if err != nil {
		return err
	}
	got, err := r.ReadString()
	if err != nil {
		return err
	}
	if n != elements || got != word {
		return fmt.Errorf("got %q of %d elements, want %s of %d", got, n, word, elements)
	}
	return nil
}

// readText reads str or bin: servers use them alike.
func readText(r *msgp.Reader) ([]byte, error) {
	kind, err := r.NextType()
	if err != nil {
		return nil, err
	}
	if kind == msgp.BinType {
		return r.ReadBytes(nil)
	}
	return r.ReadStringAsBytes(nil)
}

func digest(parts ...[]byte) string {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
