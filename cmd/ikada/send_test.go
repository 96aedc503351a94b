package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/forwardclient"
)

// now is when lines are sent.
var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC).UnixNano()

// entryJSON reads an entry back: its time, or nothing if it has none, and its record.
func entryJSON(t *testing.T, b []byte) (time.Time, string) {
	t.Helper()
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || n != 2 {
		t.Fatalf("got an array of %d, %v", n, err)
	}
	var at time.Time
	if msgp.IsNil(b) {
		b = b[1:]
	} else {
		if !bytes.HasPrefix(b, []byte{0xd7, 0}) {
			t.Fatalf("got time % x", b[:10])
		}
		sec, _, err := msgp.ReadUint32Bytes(append([]byte{0xce}, b[2:6]...))
		nano, _, err2 := msgp.ReadUint32Bytes(append([]byte{0xce}, b[6:10]...))
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		at, b = time.Unix(int64(sec), int64(nano)).UTC(), b[10:]
	}
	var out bytes.Buffer
	if rest, err := msgp.UnmarshalAsJSON(&out, b); err != nil || len(rest) > 0 {
		t.Fatalf("read record: %v, %d bytes left", err, len(rest))
	}
	return at, out.String()
}

func TestRecordsKeepTheirValues(t *testing.T) {
	for line, want := range map[string]string{
		`{}`:                       `{}`,
		` { "b" : 1 , "a" : [ ] }`: `{"b":1,"a":[]}`,
		`{"a":{"日":["本",null,true,false,{"x":{}}]}}`:                            `{"a":{"日":["本",null,true,false,{"x":{}}]}}`,
		`{"i":[0,-1,9223372036854775807,-9223372036854775808]}`:                 `{"i":[0,-1,9223372036854775807,-9223372036854775808]}`,
		`{"u":18446744073709551615}`:                                            `{"u":18446744073709551615}`,
		`{"d":[1.5,1e3,0.1,-2.50,123456789012.345]}`:                            `{"d":[1.5,1000,0.1,-2.5,123456789012.345]}`,
		`{"d":[0.1000000000000000055511151231257827021181583404541015625e300]}`: "",
		`{"d":0.30000000000000004}`:                                             `{"d":0.30000000000000004}`,
		`{"s":"\u00e9\n\"\\ \ud83d\ude00"}`:                                     `{"s":"é\n\"\\ 😀"}`,
		`{"a":1,"a":2}`:                                                         `{"a":1,"a":2}`,
	} {
		b, err := appendEntry(nil, []byte(line), now)
		if want == "" {
			if err == nil {
				t.Errorf("%s: got no error", line)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if at, got := entryJSON(t, b); got != want || !at.IsZero() {
			t.Errorf("%s: got %s at %s", line, got, at)
		}
	}
}

func TestLinesThatCannotBeSent(t *testing.T) {
	for line, want := range map[string]string{
		`[]`:                           "it is no JSON object",
		`"a"`:                          "it is no JSON object",
		`{`:                            "ends in the middle",
		`{"a":1`:                       "ends in the middle",
		`{"a":1} {"b":2}`:              "something follows",
		`{"a":1}x`:                     "something follows",
		`{"a":}`:                       "no valid JSON: byte 6",
		`nope`:                         "it is no",
		"{\"a\":\"\xff\"}":             "no valid JSON",
		`{"a":1e400}`:                  "1e400 has no exact form",
		`{"a":1e-400}`:                 "no exact form",
		`{"a":1e-999999999}`:           "no exact form",
		`{"a":18446744073709551616}`:   "no exact form",
		`{"a":0.12345678901234567890}`: "no exact form",
	} {
		before := []byte("kept")
		b, err := appendEntry(before, []byte(line), now)
		if err == nil || !strings.Contains(err.Error(), want) || string(b) != "kept" {
			t.Errorf("%s: got %q, %v, want %q", line, b, err, want)
		}
	}
}

func FuzzAppendEntry(f *testing.F) {
	for _, line := range []string{`{"time":"2026-11-23T03:04:05Z","a":[1,-2.5,{"b":null}]}`, `{"a":1e400}`, `{`, `{"a":"\ud800"}`, `[1]`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		b, err := appendEntry(nil, line, now)
		if err == nil {
			entryJSON(t, b) // is one whole entry
		}
	})
}

// chunks notes what is sent.
type chunks struct {
	n   []int
	err error
}

func (c *chunks) Send(_ context.Context, _ string, _ []byte, n int) error {
	c.n = append(c.n, n)
	return c.err
}

func TestGoodLinesAreSentAndBadOnesNamed(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for name, text := range map[string]string{a: "{\"n\":1}\n\nbad\r\n{\"n\":2}\r\n", b: "{\"n\":3}\n[4]"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var sent chunks
	var complaints strings.Builder
	i := newInput(&sent, "t", &complaints, progress{})
	if err := i.files(t.Context(), []string{a, "-", b}, strings.NewReader(`{"n":5}`)); err != nil {
		t.Fatal(err)
	}
	if len(sent.n) != 1 || sent.n[0] != 4 || i.bad != 2 {
		t.Errorf("sent %v, %d bad", sent.n, i.bad)
	}
	lines := strings.Split(complaints.String(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], a+":3: ") || !strings.HasPrefix(lines[1], b+":2: ") {
		t.Errorf("got %q", lines)
	}
}

func TestInputErrors(t *testing.T) {
	full := errors.New("full")
	for name, c := range map[string]struct {
		files []string
		stdin io.Reader
		sent  chunks
		want  string
	}{
		"no such file": {[]string{"none"}, nil, chunks{}, "none"},
		"long line":    {[]string{"-"}, strings.NewReader("{}\n" + strings.Repeat(" ", maxLine+1)), chunks{}, "standard input:2: the line is longer than 64.0 MiB"},
		"server":       {[]string{"-"}, strings.NewReader("{}\n"), chunks{err: full}, "full"},
		"broken stdin": {[]string{"-"}, io.MultiReader(strings.NewReader("{}\n"), broken{}), chunks{}, "read standard input: broken"},
	} {
		var complaints strings.Builder
		err := newInput(&c.sent, "t", &complaints, progress{}).files(t.Context(), c.files, c.stdin)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if c.stdin != nil && len(c.sent.n) != 1 {
			t.Errorf("%s: what was good before was not sent once: %v", name, c.sent.n)
		}
	}
}

func TestWhoAcknowledgesNothingIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close() // so that writing and reading fail
		}
	}()
	r := run(t, &app{in: strings.NewReader(`{"a":1}`)}, "send", "--type", "t", "--to", l.Addr().String())
	if r.code != exitFailure || r.out != "0 events acknowledged\n" || strings.Count(r.err, "\n") != 2 ||
		!strings.Contains(r.err, "connecting again, to send what was not acknowledged\n") ||
		!strings.Contains(r.err, l.Addr().String()+" acknowledges nothing: ") || !strings.Contains(r.err, "is it the Forward port of an Ikada") {
		t.Errorf("got %+v", r)
	}
}

func TestAWrongPeerIsGivenUpAtOnce(t *testing.T) {
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	addr := page.Listener.Addr().String()
	r := run(t, &app{in: strings.NewReader(`{"a":1}`)}, "send", "--type", "t", "--to", addr)
	if r.code != exitFailure || r.out != "0 events acknowledged\n" || strings.Count(r.err, "\n") != 1 ||
		!strings.Contains(r.err, "it answers in HTTP: give the Forward port of an Ikada") {
		t.Errorf("HTTP: got %+v", r)
	}
	r = run(t, &app{in: strings.NewReader(`{"a":1}`)}, "send", "--type", "t", "--tls", "--to", addr)
	if r.code != exitFailure || !strings.Contains(r.err, "leave out --tls") {
		t.Errorf("HTTP by TLS: got %+v", r)
	}
	for err, want := range map[error]string{
		forwardclient.ErrWantsKey: "by --shared-key",
		forwardclient.ErrWantsTLS: "give --tls",
		forwardclient.ErrNoHELO:   "leave out --shared-key",
		io.EOF:                    "leave out --tls",
	} {
		if hint := connectHint(fmt.Errorf("connect: %w", err), true); !strings.Contains(hint, want) {
			t.Errorf("%v: got %q", err, hint)
		}
	}
}

func TestAnIkadaThatGoesAwayIsWaitedFor(t *testing.T) {
	var acked atomic.Int64
	var told []string
	failed := complaints("h:1", &acked, func(line string) { told = append(told, line) }, func(err error) { t.Errorf("given up: %v", err) })
	acked.Add(1)
	for range 3 * strangers {
		failed(io.EOF)
	}
	acked.Add(1)
	failed(io.EOF)
	if len(told) != 2 {
		t.Errorf("told %q, want the first failure of each row", told)
	}
}

func TestCompressedInputIsNamed(t *testing.T) {
	for begin, want := range map[string]string{"\x1f\x8b\x08": "gunzip -c", "\x28\xb5\x2f\xfd": "zstd -dc"} {
		r := run(t, &app{}, "version") // an empty directory
		if err := os.WriteFile("f", []byte(begin+"\nx\n"), 0o600); err != nil || r.code != exitOK {
			t.Fatal(err)
		}
		var complaints strings.Builder
		err := newInput(&chunks{}, "t", &complaints, progress{}).files(t.Context(), []string{"f"}, nil)
		if err == nil || !strings.Contains(err.Error(), "f is compressed: send what it holds: "+want) || complaints.Len() > 0 {
			t.Errorf("%q: got %v and %q", begin, err, complaints.String())
		}
	}
}

func TestManyBadLinesAreOnlyCounted(t *testing.T) {
	var complaints strings.Builder
	in := newInput(&chunks{}, "t", &complaints, progress{})
	if err := in.files(t.Context(), []string{"-"}, strings.NewReader(strings.Repeat("[]\n", 1000))); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(complaints.String(), "\n"); in.bad != 1000 || lines != maxTold+1 || !strings.HasSuffix(complaints.String(), "further bad lines are only counted\n") {
		t.Errorf("counted %d, told %d lines", in.bad, lines)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestTricklingLinesAreNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		var sent chunks
		i := newInput(&sent, "t", io.Discard, progress{})
		done := make(chan error, 1)
		go func() { done <- i.files(t.Context(), []string{"-"}, r) }()
		if _, err := io.WriteString(w, "{}\n{}\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * chunkAge)
		synctest.Wait()
		i.mu.Lock()
		if len(sent.n) != 1 || sent.n[0] != 2 {
			t.Errorf("sent %v before the end of the input", sent.n)
		}
		i.mu.Unlock()
		if err := errors.Join(w.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
}
