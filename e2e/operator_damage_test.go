package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/replay"
)

// ask gets a path, with a token if it is not empty.
func (s *site) ask(path, token string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.http+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// files lists what the archive has below a prefix.
func (s *site) files(prefix string) (keys []string) {
	s.t.Helper()
	for o, err := range s.archive.List(s.t.Context(), prefix, "") {
		if err != nil {
			s.t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}

func (s *site) file(key string) []byte {
	s.t.Helper()
	data, err := s.archive.Get(s.t.Context(), key, 0, -1, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

func (s *site) unzip(key string) string {
	s.t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(s.file(key)))
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// put writes an object; nil deletes it.
func put(t *testing.T, b bucket.Bucket, key string, data []byte) {
	t.Helper()
	err := b.Delete(t.Context(), key)
	if err == nil && data != nil {
		err = b.Create(t.Context(), key, data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// flip changes a bit of a file's checksum. (A bit of its text may make lines that
// are no rows, and then Redshift's table _quarantine gets its columns for them,
// though the load fails.)
func flip(file []byte) []byte {
	file = bytes.Clone(file)
	file[len(file)-6] ^= 4
	return file
}

// gap asserts that an audit finds one gap of a kind, and ends with 1.
func (e *day) gap(command string, kind audit.Kind, rows int64) {
	e.t.Helper()
	e.fails(command, string(kind), "to do", "conservation does not hold: 1 gap, "+fmt.Sprint(rows))
}

func rangeOf(hour time.Time) string {
	return " --type app.access --from " + hour.Format(time.RFC3339) + " --to " + hour.Add(time.Hour).Format(time.RFC3339)
}

// fileDamaged deletes, cuts and changes an archive file, and restores it.
func (e *day) fileDamaged(hour time.Time) {
	key := e.files("app.access/" + hour.Format("dt=2006-01-02/hh=15/"))[1]
	was, tables := e.file(key), e.dump()
	for _, d := range []struct {
		data  []byte
		audit string
		kind  audit.Kind
	}{
		{nil, "audit", audit.FileMissing},
		{was[:len(was)-7], "audit", audit.FileCut},
		{flip(was), "audit --deep", audit.FileDamaged},
	} {
		put(e.t, e.archive, key, d.data)
		e.gap(d.audit, d.kind, 12)
		e.fails("replay"+rangeOf(hour), key) // and the table is as it was
	}
	put(e.t, e.archive, key, was)
	e.wantDump("after refused replays", tables)
	e.holds()
}

// tableDamaged deletes rows and doubles one, and replays the hour.
func (e *day) tableDamaged(hour time.Time) {
	was := e.dump()
	e.damage("DELETE FROM app_access WHERE seq >= 10 AND seq < 17")
	e.gap("audit --deep --type app.access", audit.RowsMissing, 7)
	e.shows("replay" + rangeOf(hour))
	e.wantDump("after the replay of what was deleted", was)

	e.damage("INSERT INTO app_access SELECT * FROM app_access WHERE seq = 20")
	e.gap("audit --deep --type app.access", audit.RowsDoubled, 1)
	e.fails("replay"+rangeOf(hour), "--shrink")
	e.shows("replay" + rangeOf(hour) + " --shrink")
	e.wantDump("after the replay of what was doubled", was)
	e.holds()
}

// loadFails damages an archive file before it is loaded. The load fails and
// says so, other log types go on, and all is loaded once the file is restored.
func (e *day) loadFails(hour time.Time) {
	flags := e.flags
	e.stop()
	e.flags = append(flags[:len(flags):len(flags)], "--load-age", "1h")
	e.run()
	from := len(e.all)
	e.add("app.access", "app_access", hour.Add(50*time.Minute), `"path":"/failed"`)
	body, _ := e.lines(from)
	before := e.files("app.access/" + hour.Format("dt=2006-01-02/hh=15/"))
	if code, answer := e.post("app.access", body, "Authorization", "Bearer "+operatorToken); code != 200 {
		e.t.Fatal(code, answer)
	}
	var key string
	e.eventually("a manifest that waits", func() error {
		r := asks[audit.Report](e.site, "audit")
		after := e.files("app.access/" + hour.Format("dt=2006-01-02/hh=15/"))
		if r.Waiting.Manifests != 1 || len(after) != len(before)+1 {
			return fmt.Errorf("%+v, %d files", r.Waiting, len(after))
		}
		key = after[len(after)-1]
		return nil
	})
	e.kill() // an orderly end would load it
	was := e.file(key)
	put(e.t, e.archive, key, flip(was))
	e.flags = flags
	e.run()
	e.eventually("a failed load", func() error {
		for _, f := range asks[history.Failures](e.site, "loads --failed").Failures {
			if f.Type == "app.access" && !f.Over {
				return nil
			}
		}
		return fmt.Errorf("none")
	})
	from = len(e.all)
	e.add("app.other", "app_other", time.Time{}, "")
	e.byHTTP(from)
	e.shows("loads --failed", "app.access", key)
	put(e.t, e.archive, key, was)
	e.wantRow(fmt.Sprintf("select count(*) as n from app_access where seq = %d", from-1), map[string]any{"n": 1})
	if f := asks[history.Failures](e.site, "loads --failed --type app.access").Failures; len(f) == 0 || !f[0].Over {
		e.t.Errorf("failed loads that are over: %+v", f)
	}
	e.wantAll()
	e.holds()
}

// cut starts what takes long, kills the server at some moment of it, and starts
// the server again. It reports whether there was no answer yet.
func (e *day) cut(path, body string, within time.Duration) bool {
	e.t.Helper()
	ctx, end := context.WithTimeout(e.t.Context(), time.Minute)
	defer end()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.http+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+operatorToken)
	answer := make(chan string, 1)
	go func() {
		var text []byte
		if resp, err := http.DefaultClient.Do(req); err == nil { // else the server is gone
			text, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
		answer <- string(text)
	}()
	time.Sleep(rand.N(within))
	e.kill()
	text := <-answer
	if strings.Contains(text, `"error"`) {
		e.t.Errorf("%s: %s", path, text)
	}
	e.run()
	return !strings.Contains(text, `"result"`)
}

// age makes a log type's manifests an hour older: files that were planned just
// now are not bound.
func (s *site) age(prefix string) {
	s.t.Helper()
	created := regexp.MustCompile(`("created": )(\d+)`)
	for o, err := range s.manifests.List(s.t.Context(), prefix, "") {
		if err != nil {
			s.t.Fatal(err)
		}
		data, err := s.manifests.Get(s.t.Context(), o.Key, 0, -1, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		was := created.FindSubmatch(data)
		at, err := strconv.ParseInt(string(was[2]), 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		put(s.t, s.manifests, o.Key, created.ReplaceAll(data, fmt.Appendf(nil, "${1}%d", at-int64(time.Hour))))
	}
}

// ageMap makes the records of the archive's map of a day an hour older.
func (s *site) ageMap(day time.Time) {
	s.t.Helper()
	for _, key := range s.files(archive.Folder("app.access", day.Format(time.DateOnly))) {
		if r, err := archive.Decode(s.file(key)); err == nil { // else it is another object of the map
			r.Created -= int64(time.Hour)
			data, err := r.Encode()
			if err != nil {
				s.t.Fatal(err)
			}
			put(s.t, s.archive, key, data)
		}
	}
}

// compacts binds the small files of the hour, with kills, and replays from what
// they became.
func (e *day) compacts(hour time.Time) {
	was, folder := e.dump(), "app.access/"+hour.Format("dt=2006-01-02/hh=15/")
	e.age("app.access/")
	rows := 0
	for _, key := range e.files(folder) {
		rows += strings.Count(e.unzip(key), "\n")
	}
	within := 20 * time.Millisecond
	if e.redshift {
		within *= 5 // all of it takes longer
	}
	replays, compactions := 0, 0
	for range 3 {
		if e.cut("/v1/replay", fmt.Sprintf(`{"type":"app.access","from":%q,"to":%q}`, hour.Format(time.RFC3339), hour.Add(time.Hour).Format(time.RFC3339)), within) {
			replays++
		}
		if e.cut("/v1/compact", `{}`, within) {
			compactions++
		}
	}
	e.t.Logf("of 3 replays %d were cut off, of 3 compactions %d", replays, compactions)
	for _, one := range asks[compact.Report](e.site, "compact --type app.access").Types {
		if one.Busy > 0 { // somebody may be writing the file, for ten minutes
			_, errs, _ := e.command("compact")
			if !strings.Contains(errs, "app.access: 1 day left alone") {
				e.t.Errorf("compact says %q", errs)
			}
			e.kill()
			e.ageMap(hour) // a process never reads a record twice
			e.run()
			e.shows("compact --type app.access", "app.access")
		}
	}
	e.shows("compact", "new files")
	var full []string
	for _, key := range e.files(folder) {
		if n := strings.Count(e.unzip(key), "\n"); n > 0 {
			full = append(full, key)
			rows -= n
		}
	}
	if len(full) != 1 || rows != 0 {
		e.t.Errorf("after compaction %v hold rows, and %d lack", full, rows)
	}
	e.wantDump("after compaction", was)
	e.holds()
	if r := asks[replay.Report](e.site, "replay"+rangeOf(hour)); r.Compacted != 1 || r.Inserted != r.Deleted || r.Inserted == 0 {
		e.t.Errorf("replay after compaction tells %+v", r)
	}
	e.wantDump("after a replay of what was compacted", was)

	data := e.file(full[0])
	put(e.t, e.archive, full[0], nil)
	e.fails("audit", string(audit.FileMissing), full[0])
	put(e.t, e.archive, full[0], data)
	e.holds()
}

// withoutServer asks while Ikada does not run: the settings say where all is.
func (e *day) withoutServer() {
	e.stop()
	e.shows("types", "app.access", "logins")
	e.shows("types show app.access", "drift")
	e.shows("loads --limit 3", ".manifest")
	e.shows("loads --failed", "app.access")
	e.shows("quarantine list --type app.bad", "JSON ends in the middle")
	e.wantAll()
	e.holds()
	e.fails("quarantine retry --type app.bad", "ikada up")
	if n := len(asks[api.Quarantined](e.site, "quarantine list --all").Records); n != 2 {
		e.t.Errorf("%d records were set aside", n)
	}
}

// newWarehouse fills an empty warehouse from archive and manifests alone.
func (e *day) newWarehouse() {
	was := e.dump()
	e.empty()
	e.shows("replay --all", "manifests loaded")
	e.wantDump("in a new warehouse", was)
	e.wantAll()
	e.holds()
	e.run()
	from := len(e.all)
	e.add("app.access", "app_access", time.Time{}, `"path":"/again","status":200`)
	e.byHTTP(from)
	e.wantAll()
	e.holds()
}
