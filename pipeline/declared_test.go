package pipeline

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/plan"
)

const declaredConfig = `
hash: {secret: a secret of the tests}
forward: {listen: "127.0.0.1:0"}
http: {listen: "127.0.0.1:0"}
stream: {shards: 2}
buffer: {flush: 50ms}
route: {interval: 50ms}
load: {age: 50ms}
types:
  app.access:
    table: access_log
    columns: {status: bigint, remark: text}
    renames: {userId: user_name}
    time: {field: ts, format: unix_ms}
    sort_keys: [status, _time]
    partition: day
    drop: [password, user.token]
    hash: [user.email]
    mask: {card: {keep_last: 4}, phone: "(hidden)"}
routes:
  - {tag: "web.*.access", type: app.access}
  - {tag: "web.events", field: kind, value: access, type: app.access}
  - {tag: "web.events", field: kind, type: "events.$1", value: "*"}
`

// What a guarded field held is looked for in everything that is stored behind
// the stream: bundles, plans, archive, manifests and the database.
func TestGuardedValuesReachNoBucket(t *testing.T) {
	data := t.TempDir()
	cfg, err := config.Read("ikada.yaml", []byte("data: "+data+"\n"+declaredConfig), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()

	ts := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).UnixMilli()
	event := func(kind string, hours, i int) string {
		return fmt.Sprintf(`{"kind":%q,"seq":%d,"status":200,"userId":"u%d","ts":%d,"password":"pass-s3cr3t","user":{"email":"mail-s3cr3t@example.com","token":"token-s3cr3t","id":7},"card":"card-s3cr3t-1234","phone":"phone-s3cr3t","phone":"phone-s3cr3t"}`,
			kind, i, i, ts+int64(hours)*3_600_000)
	}
	post(t, p, "web.shop.access", event("x", 0, 0), event("x", 1, 1))
	post(t, p, "web.events", event("access", 2, 2), `{"kind":"click","n":1}`, `{"n":2}`)
	sendBad(t, p, "web.shop.access")

	waitRows(t, p, `SELECT count(*) FROM access_log`, 3)
	waitRows(t, p, `SELECT count(*) FROM events_click`, 1)
	waitRows(t, p, `SELECT count(*) FROM web_events`, 1)
	waitRows(t, p, `SELECT count(*) FROM _quarantine WHERE withheld > 0 AND data = ''`, 1)
	waitRows(t, p, `SELECT count(*) FROM access_log WHERE user_name = 'u' || seq AND status = 200 AND remark IS NULL AND card = '***1234' AND phone = '(hidden)'
		AND length(("user_"->>'$.email')) = 64 AND ("user_"->>'$.id') = '7' AND ("user_"->>'$.token') IS NULL AND _dup IS NOT NULL AND epoch_ms(_time) = ts`, 3)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, data)
	wantOneDay(t, filepath.Join(data, "archive"))
}

func post(t *testing.T, p *Pipeline, tag string, lines ...string) {
	t.Helper()
	for { // until it is ready
		res, err := http.Post(p.Endpoints().HTTP+"/v1/logs/"+tag, "application/x-ndjson", strings.NewReader(strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if res.StatusCode/100 != 2 {
			t.Fatalf("%s: %s", res.Status, text)
		}
		return
	}
}

// sendBad sends an entry over the Forward protocol that is no valid record.
func sendBad(t *testing.T, p *Pipeline, tag string) {
	t.Helper()
	c, err := forwardclient.Dial(t.Context(), p.Endpoints().Forward, forwardclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := func(b []byte, s string) []byte { return append(append(b, 0xa0|byte(len(s))), s...) }
	entry := []byte{0x92, 0x01, 0x82} // [1, {…}]
	entry = text(text(entry, "password"), "pass-s3cr3t")
	entry = text(text(entry, "x"), "\xff-s3cr3t") // no UTF-8
	if err := errors.Join(c.Send(t.Context(), tag, entry, 1), c.Flush(t.Context()), c.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// waitRows waits until a query counts so many rows.
func waitRows(t *testing.T, p *Pipeline, sql string, want int64) {
	t.Helper()
	var last any
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		rows, err := p.warehouse.Query(ctx, sql, 0)
		if err == nil {
			var row []any
			if row, err = rows.Next(); err == nil {
				last = row[0]
			}
			_ = rows.Close()
		}
		if err == nil && last == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: got %v, %v, want %d", sql, last, err, want)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// wantNoSecret looks into all that is kept below a data directory but for the
// stream, packed as it is and unpacked.
func wantNoSecret(t *testing.T, data string) {
	t.Helper()
	bundles, archives, bytesOf := 0, 0, map[string][]byte{}
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d.Name() == "stream" {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		bytesOf[path] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range maps.Clone(bytesOf) { // to which what is unpacked is added
		switch {
		case strings.HasSuffix(path, ".json.gz"):
			archives++
			z, err := gzip.NewReader(bytes.NewReader(text))
			if err != nil {
				t.Fatal(path, err)
			}
			bytesOf[path+" unpacked"] = read(t, path, z)
		case strings.HasSuffix(path, ".plan"):
			if p, err := plan.Decode(text); err != nil {
				t.Fatal(path, err)
			} else if bytesOf[path+" unpacked"], err = json.Marshal(p); err != nil {
				t.Fatal(path, err)
			}
		case strings.Contains(path, filepath.Join("buffer", "lanes")):
			bundles++
			x, err := bundle.Parse(text)
			if err != nil {
				t.Fatal(path, err)
			}
			if bytesOf[path+" index"], err = json.Marshal(x); err != nil {
				t.Fatal(path, err)
			}
			for i, s := range x.Segments {
				packed := append(text[s.Offset:s.Offset+s.Length:s.Offset+s.Length], 3, 0) // a final block
				bytesOf[fmt.Sprint(path, " segment ", i)] = read(t, path, flate.NewReader(bytes.NewReader(packed)))
			}
		}
	}
	if bundles == 0 || archives == 0 {
		t.Fatalf("%d bundles and %d archive files were looked into", bundles, archives)
	}
	seen := 0
	for path, text := range bytesOf {
		if bytes.Contains(text, []byte("s3cr3t")) || bytes.Contains(text, []byte("czNjcjN0")) {
			t.Errorf("%s holds what was guarded", path)
		}
		if bytes.Contains(text, []byte("***1234")) {
			seen++
		}
	}
	if seen < 2 {
		t.Errorf("masked values were found in %d places, want them in bundles and in the archive: was anything looked at?", seen)
	}
}

func read(t *testing.T, path string, r io.Reader) []byte {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(path, err)
	}
	return text
}

// wantOneDay asserts that the three hours of the log type are in files of their
// day, which the key's parser knows.
func wantOneDay(t *testing.T, archive string) {
	t.Helper()
	b, err := dir.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for info, err := range b.List(t.Context(), "app.access/", "") {
		if err != nil {
			t.Fatal(err)
		}
		a, err := plan.ParseArchiveKey(info.Key)
		if err != nil || a.Hours != 24 || a.Hour.Path() != "dt=2026-03-04/hh=00" {
			t.Errorf("%s: got %+v, %v, want the day 2026-03-04", info.Key, a, err)
		}
		files++
	}
	if files == 0 {
		t.Error("the log type has no archive files")
	}
}
