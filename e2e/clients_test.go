package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNodeLoggerInAllModes(t *testing.T) {
	s := startBrisk(t)
	const n = 500
	for _, mode := range []string{"Message", "Forward", "PackedForward", "CompressedPackedForward"} {
		tag := "node." + strings.ToLower(mode)
		if got := runClient(t, nil, "node", "clients/node/send.mjs", s.port(), tag, mode, fmt.Sprint(n)); got != fmt.Sprintf("acknowledged %d", n) {
			t.Fatalf("%s: %s", mode, got)
		}
		s.wantRow(sumsOf+"node_"+strings.ToLower(mode), sums(n))
	}
	s.wantRow(`select message, ratio, tags::text as tags, _time::text as at from node_forward where seq = 42`,
		map[string]any{"message": "event 42, 丸太 2", "ratio": 5.75, "tags": `["a","0"]`, "at": "2026-11-23 00:00:42.123456+00"})
}

func TestNodeLoggerWithSharedKeyAndUser(t *testing.T) {
	config := filepath.Join(t.TempDir(), "ikada.yaml")
	text := "forward:\n  shared_key: s3cret\n  users:\n    alice: wonder\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startBrisk(t, "--config", config)
	env := []string{"SHARED_KEY=s3cret", "USERNAME=alice", "PASSWORD=wonder"}
	runClient(t, env, "node", "clients/node/send.mjs", s.port(), "node.secure", "PackedForward", "100")
	s.wantRow(sumsOf+"node_secure", sums(100))

	wrong := exec.Command("timeout", "5", "node", "clients/node/send.mjs", s.port(), "node.wrong", "PackedForward", "1")
	wrong.Env = append(os.Environ(), "SHARED_KEY=guess", "USERNAME=alice", "PASSWORD=wonder")
	if out, err := wrong.CombinedOutput(); err == nil {
		t.Errorf("a wrong key was taken: %s", out)
	}
}

func TestGoLogger(t *testing.T) {
	s := startBrisk(t)
	if got := runClient(t, nil, goClient, "-port", s.port(), "-count", "2000"); got != "acknowledged 2000" {
		t.Fatal(got)
	}
	s.wantRow(sumsOf+"go_events", sums(2000))
}

// A client that resends what was not acknowledged, and a server that is killed
// again and again: every event is in its table once.
func TestKilledServerLosesAndDoublesNothing(t *testing.T) {
	s := start(t)
	const n = 60_000
	done := make(chan string, 1)
	go func() {
		cmd := exec.Command(goClient, "-port", s.port(), "-count", fmt.Sprint(n), "-workers", "32")
		out, err := cmd.Output()
		if err != nil {
			out = fmt.Append(out, err)
		}
		done <- strings.TrimSpace(string(out))
	}()
	kills := 0
	for finished := false; !finished; {
		select {
		case got := <-done:
			if got != fmt.Sprintf("acknowledged %d", n) {
				t.Fatal(got)
			}
			finished = true
		case <-time.After(time.Duration(300+kills*170) * time.Millisecond):
			if kills < 6 {
				s.kill()
				s.run()
				kills++
			}
		}
	}
	if kills < 3 {
		t.Fatalf("only %d kills: the client was done too early", kills)
	}
	s.kill() // with rows on their way
	s.run()
	s.wantRow(sumsOf+"go_events", sums(n))
	s.stop()
	s.run()
	s.wantRow(sumsOf+"go_events", sums(n))
}

func TestCurl(t *testing.T) {
	s := startBrisk(t)
	dir := t.TempDir()
	var ndjson strings.Builder
	for i := range 100 {
		fmt.Fprintf(&ndjson, `{"seq":%d,"checksum":%d,"time":"2026-11-23T01:02:03Z","path":"/p/%d"}`+"\n", i, i*31+7, i%3)
	}
	plain, packed := filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "a.ndjson.gz")
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = io.WriteString(w, ndjson.String())
	_ = w.Close()
	if err := os.WriteFile(plain, []byte(ndjson.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(packed, z.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = `{"accepted":100,"quarantined":0}`
	base := "http://" + s.http + "/v1/logs/"
	for range 3 { // one request, sent again
		if got := runClient(t, nil, "curl", "-sS", "--data-binary", "@"+plain, "-H", "Idempotency-Key: one", base+"app.access"); got != want {
			t.Fatal(got)
		}
	}
	if got := runClient(t, nil, "curl", "-sS", "--data-binary", "@"+packed, "-H", "Content-Encoding: gzip", base+"app.zipped"); got != want {
		t.Fatal(got)
	}
	s.wantRow(sumsOf+"app_access", sums(100))
	s.wantRow(sumsOf+"app_zipped", sums(100))
	s.wantRow(`select path, count(*) as n from app_access group by 1 order by 2 desc limit 10`, map[string]any{"path": "/p/0", "n": 34})
	archiveHolds(t, s, "app.access/dt=2026-11-23/hh=01", 100)
}

// archiveHolds counts the lines of a folder's files by the gzip command.
func archiveHolds(t *testing.T, s *server, folder string, want int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "archive", folder, "*.json.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no archive files in %s: %v", folder, err)
	}
	text := runClient(t, nil, "gzip", append([]string{"-dc"}, files...)...)
	if got := strings.Count(text, "\n") + 1; got != want {
		t.Errorf("%s has %d lines, want %d", folder, got, want)
	}
}

func TestStrangeNamesAndRecordsLandSafely(t *testing.T) {
	s := startBrisk(t)
	for _, tag := range []string{"../../etc/passwd", "a/b", strings.Repeat("x", 500), "ログ.アクセス", "select", "User Events", "nul\x00'"} {
		if code, answer := s.post(url.PathEscape(tag), `{"marker":1}`); code != 200 {
			t.Fatalf("%.40q: %d %s", tag, code, answer)
		}
	}
	var fields []string
	for i := range 1000 {
		fields = append(fields, fmt.Sprintf(`"field_%d":%d`, i, i))
	}
	body := strings.Join([]string{
		`{"a":1,"a":2}`,
		`{"userId":1,"userid":2,"USERID":3}`,
		`{"":"empty key"}`,
		`{"select":1,"order":2,"from":3}`,
		`{"long":"` + strings.Repeat("あ", 60_000) + `"}`,
		`{"_id":"mine","time":"not a time","_rest":1}`,
		`{"huge":1e400,"big":18446744073709551616}`,
		`{broken`,
		`[1,2]`,
		`{"bad":"` + "\xff" + `"}`,
	}, "\n")
	code, answer := s.post("strange", body)
	if code != 200 || answer != `{"accepted":7,"quarantined":3}` {
		t.Fatalf("%d %s", code, answer)
	}
	s.wantRow(`select count(*) as n from strange`, map[string]any{"n": 7})
	if code, answer := s.post("wide", `{`+strings.Join(fields, ",")+`}`); code != 200 {
		t.Fatalf("%d %s", code, answer)
	}
	s.wantRow(`select field_0 + field_998 as sum, coalesce(field_999::text, _rest->>'field_999') as last from wide`, map[string]any{"sum": 998, "last": 999})
	s.wantRow(`select count(*) as n, count(distinct reason) as reasons from _quarantine`, map[string]any{"n": 3, "reasons": 3})
	s.wantRow(`select length("long") as n from strange where "long" is not null`, map[string]any{"n": 60_000})
	s.wantRow(`select count(*) as n from strange where a = 2 and _dup is not null`, map[string]any{"n": 1})
	s.wantRow(`select select_, order_, from_ from strange where select_ is not null`, map[string]any{"select_": 1, "order_": 2, "from_": 3})
	quarantined, err := s.query(`select data from _quarantine where reason like '%UTF-8%'`)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(quarantined["data"].(string))
	if err != nil || string(raw) != `{"bad":"`+"\xff"+`"}` {
		t.Errorf("raw bytes %q, %v", raw, err)
	}
	status, err := s.ikada("status", "--data", s.dir, "--format", "json")
	if err != nil {
		t.Fatal(err)
	}
	var st struct {
		Types []struct{ Type, Table string }
	}
	if err := json.Unmarshal(status, &st); err != nil {
		t.Fatal(err)
	}
	if len(st.Types) != 10 {
		t.Errorf("%d log types: %s", len(st.Types), status)
	}
	for _, lt := range st.Types {
		s.wantRow(`select count(*) > 0 as found from "`+lt.Table+`"`, map[string]any{"found": true})
	}
	if _, err := os.Stat(filepath.Join(s.dir, "..", "etc")); err == nil {
		t.Error("a tag escaped from the data directory")
	}
}

func TestUDPHeartbeat(t *testing.T) {
	s := startBrisk(t)
	c, err := net.Dial("udp", s.forward)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 16)
	if n, err := c.Read(b); err != nil || n != 1 || b[0] != 0 {
		t.Errorf("heartbeat answered % x, %v", b[:n], err)
	}
}

func TestSendCommandDrainAndRestart(t *testing.T) {
	s := start(t)
	var ndjson strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&ndjson, `{"seq":%d,"checksum":%d}`+"\n", i, i*31+7)
	}
	file := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(file, []byte(ndjson.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ikada("send", "--data", s.dir, "--type", "sent.events", file); err != nil {
		t.Fatal(err)
	}
	s.stop() // drains: what was accepted is in the table at the next start
	s.run()
	row, err := s.query(sumsOf + "sent_events")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range sums(1000) {
		if fmt.Sprint(row[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, row[name], want)
		}
	}
}
