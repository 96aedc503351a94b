package forwardclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answering returns the address of a server that says something and waits.
func answering(t *testing.T, text string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.WriteString(nc, text)
				_, _ = io.Copy(io.Discard, nc) // until the client ends it
				_ = nc.Close()
			}()
		}
	}()
	return ln.Addr().String()
}

func TestWhoWillNeverAcknowledgeIsNamed(t *testing.T) {
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	for name, c := range map[string]struct {
		addr string
		want error
		says string
	}{
		"HTTP":         {page.Listener.Addr().String(), ErrPeer, "HTTP"},
		"SSH":          {answering(t, "SSH-2.0-OpenSSH_9.6\r\n"), ErrPeer, `"SSH-2.0-OpenSSH_"`},
		"one byte":     {answering(t, "\xc1"), ErrPeer, `"\xc1"`},
		"HELO":         {answering(t, "\x92\xa4HELO\x80"), ErrWantsKey, ""},
		"a TLS server": {answering(t, "\x15\x03\x01\x00\x02\x02\x46"), ErrWantsTLS, ""},
	} {
		t.Run(name, func(t *testing.T) {
			failed := make(chan error, 1)
			client, err := Dial(soon(t), c.addr, Options{Failed: func(err error) {
				select {
				case failed <- err:
				default:
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Send(soon(t), "app", []byte{0x92, 0, 0x80}, 1); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-failed:
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			case <-time.After(5 * time.Second): // an HTTP server waits twice as long for the end of a line
				t.Error("nothing was told")
			}
			ended, end := context.WithCancel(t.Context())
			end()
			_ = client.Close(ended) // nothing will be acknowledged
		})
	}
}

func TestAHandshakeIsNotWaitedForAsAnAckIs(t *testing.T) {
	t.Parallel() // it takes seconds
	began := time.Now()
	_, err := Dial(soon(t), answering(t, ""), Options{SharedKey: "k"})
	if !errors.Is(err, ErrHandshake) || !errors.Is(err, ErrNoHELO) || time.Since(began) > 10*time.Second {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
}
