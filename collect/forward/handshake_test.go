package forward

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/forwardclient"
)

func TestHandshakeAgainstTheClient(t *testing.T) {
	users := map[string]string{"alice": "wonder", "bob": ""}
	tests := map[string]struct {
		users  map[string]string
		client forwardclient.Options
		fails  string
	}{
		"the right key":      {nil, forwardclient.Options{SharedKey: "key"}, ""},
		"a wrong key":        {nil, forwardclient.Options{SharedKey: "yek"}, "mismatch"},
		"the right user":     {users, forwardclient.Options{SharedKey: "key", User: "alice", Password: "wonder"}, ""},
		"a wrong password":   {users, forwardclient.Options{SharedKey: "key", User: "alice", Password: "x"}, "mismatch"},
		"an unknown user":    {users, forwardclient.Options{SharedKey: "key", User: "eve"}, "mismatch"},
		"no user":            {users, forwardclient.Options{SharedKey: "key"}, "mismatch"},
		"user but wrong key": {users, forwardclient.Options{SharedKey: "yek", User: "alice", Password: "wonder"}, "mismatch"},
		"the server's name":  {nil, forwardclient.Options{SharedKey: "key", Hostname: "server"}, "client's name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, setup{opts: Options{SharedKey: "key", Users: test.users, Hostname: "server"}})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			c, err := forwardclient.Dial(ctx, r.addr, test.client)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("Dial: %v; want %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Send(ctx, "app", unhex(t, entry), 1); err != nil {
				t.Error(err)
			}
			if err := c.Close(ctx); err != nil {
				t.Error(err)
			}
			if p := r.part(); !bytes.Equal(p.Payload, unhex(t, entry)) {
				t.Errorf("stored %x", p.Payload)
			}
		})
	}
}

// The digests of the protocol, by the values of another implementation
// (sha512sum), so that server and client cannot be wrong together.
func TestDigest(t *testing.T) {
	got := digest([]byte("salt"), []byte("host"), []byte("nonce"), []byte("key"))
	want := "22ec4f9c36a2f046a7b4655800a5ddfb182586919b3cd9677fdec97a04c86982043491985b89d8ad2ca716289d8daf1521a9bd98ef009f54d9db291d83284e98" // printf salthostnoncekey | sha512sum
	if got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func TestHandshakeByTheByte(t *testing.T) {
	r := start(t, setup{opts: Options{SharedKey: "key", Hostname: "server"}})
	nc := r.dial()
	in := bufio.NewReader(nc)
	expectBytes := func(want string) {
		t.Helper()
		b := make([]byte, len(unhex(t, want)))
		if _, err := in.Read(b); err != nil || !bytes.Equal(b, unhex(t, want)) {
			t.Fatalf("read %q, %v; want %q", b, err, unhex(t, want))
		}
	}
	expectBytes("92 a4'HELO' 83 a5'nonce' c410")
	nonce := make([]byte, 16)
	if _, err := in.Read(nonce); err != nil {
		t.Fatal(err)
	}
	expectBytes("a4'auth' c400 a9'keepalive' c3")
	salt := strings.Repeat("s", 32) // as long as Fluentd's
	ping := unhex(t, "96 a4'PING' a6'client' d920'"+salt+"' d980'"+
		digest([]byte(salt), []byte("client"), nonce, []byte("key"))+"' a0 a0")
	send(t, nc, append(ping, unhex(t, "93 a3'app' 91"+entry+"81 a5'chunk' a1'c'")...)) // and does not wait
	expectBytes("95 a4'PONG' c3 a0 a6'server' d980'" +
		digest([]byte(salt), []byte("server"), nonce, []byte("key")) + "'")
	expectBytes("81 a3'ack' a1'c'")
}

func TestWhoDoesNotShakeHandsIsRefused(t *testing.T) {
	tests := map[string][]byte{
		"a message":     unhex(t, "92 a3'app' 91"+entry),
		"a wrong word":  unhex(t, "96 a4'PONG' a0 a0 a0 a0 a0"),
		"numbers":       unhex(t, "96 a4'PING' 01 02 03 04 05"),
		"other text":    []byte("GET / HTTP/1.1\r\n\r\n"),
		"a huge string": unhex(t, "96 a4'PING' dbffffffff"),
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, setup{opts: Options{SharedKey: "key"}})
			nc := r.dial()
			send(t, nc, b)
			if said := expectEnd(t, nc); !bytes.Contains(said, []byte("PONG\xc2")) && name != "other text" && name != "a huge string" {
				t.Errorf("the server said %q; want a PONG that refuses", said)
			}
			r.stop()
			if n := r.server.Counts.Refused.Load(); n != 1 || r.held().Messages != 0 {
				t.Errorf("%d refused, %d messages stored", n, r.held().Messages)
			}
		})
	}
}

func TestASilentConnectionDoesNotHoldAHandshakeOpen(t *testing.T) {
	for name, opts := range map[string]Options{
		"shared key": {SharedKey: "key", Stall: 50 * time.Millisecond},
		"TLS":        {TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}, Stall: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{opts: opts})
			expectEnd(t, r.dial())
		})
	}
}

func TestUsersNeedASharedKey(t *testing.T) {
	if _, err := New(nil, nil, nil, Options{Users: map[string]string{"a": "b"}}); err == nil {
		t.Error("users without a shared key are accepted")
	}
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{"ikada.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLS(t *testing.T) {
	cert := certificate(t)
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	r := start(t, setup{opts: Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, SharedKey: "key"}})
	c, err := forwardclient.Dial(t.Context(), r.addr, forwardclient.Options{
		TLS: &tls.Config{RootCAs: roots, ServerName: "ikada.test"}, SharedKey: "key", Compress: "zstd",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), "app", unhex(t, entry), 1); err != nil {
		t.Error(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if p := r.part(); p.Format != batch.Msgpack || !bytes.Equal(p.Payload, unhex(t, entry)) {
		t.Errorf("stored %x", p.Payload)
	}
}

func TestUDPHeartbeat(t *testing.T) {
	r := start(t, setup{})
	nc, err := net.Dial("udp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	send(t, patient(t, nc), []byte("anything"))
	b := make([]byte, 10)
	if n, err := nc.Read(b); err != nil || !bytes.Equal(b[:n], []byte{0}) {
		t.Errorf("answer %x, %v", b[:n], err)
	}
}

func FuzzPing(f *testing.F) {
	f.Add(unhex(f, "96 a4'PING' a6'client' a4'salt' a1'd' a0 a0"))
	f.Add(unhex(f, "96 a4'PING' 01 02 03 04 05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s framer
		fr, ok, err := s.scan(b, maxPing)
		if err != nil || !ok {
			return
		}
		p, err := parsePing(&fr)
		if err != nil {
			return
		}
		if p.check(&Options{SharedKey: "key"}, []byte("nonce"), nil) == nil {
			t.Fatal("a PING without the key passed")
		}
		back := msgp.AppendArrayHeader(nil, 6)
		for _, v := range [][]byte{[]byte("PING"), p.host, p.salt, p.digest, p.user, p.password} {
			back = msgp.AppendBytes(back, v)
		}
		s = framer{}
		if fr, ok, err = s.scan(back, maxPing+100); !ok || err != nil {
			t.Fatal("does not come back")
		}
	})
}
