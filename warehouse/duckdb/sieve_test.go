package duckdb

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/rows"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

var sieveColumns = []warehouse.Column{
	{Field: "n", Name: "n", Type: warehouse.BigInt}, {Field: "t", Name: "t", Type: warehouse.Timestamp}, {Field: "j", Name: "j", Type: warehouse.JSON},
}

func TestSieve(t *testing.T) {
	s, ok := newSieve(sieveColumns, []string{"n", "t", "j", "none"})
	if !ok {
		t.Fatal("no sieve")
	}
	for line, want := range map[string]bool{
		`{"_id":"a","n":1}`: true, `{"n": -12 ,"t":null}`: true, `{"n":1.0}`: false, `{"n":"1"}`: false, `{"n":{}}`: false, `{"n":[1]}`: false, `{"n":true}`: false,
		`{"n":-0}`: false, `{"n":9223372036854775808}`: false, `{"n"` + " \t" + `: 1.5}`: false, `{"s":"n","n":1}`: true, `{"s":"\"n\":1.5"}`: true,
		`{"o":{"n":1}}`: true, `{"o":{"n":1.5}}`: false, `{"\u006e":1.5}`: false, `{"none":1}`: false, `{"none":null}`: false, `{"j":1}`: false,
		`{"t":"2026-11-23T05:06:07Z"}`: true, `{"t":"2026-11-23"}`: false, `{"t":"a\"b\\"}`: false, `{"t":"`: false, `{"n":`: false, `{"n"`: true, ``: true,
	} {
		if got := s.passes([]byte(line)); got != want {
			t.Errorf("%s: got %t, want %t", line, got, want)
		}
	}
	for _, misfits := range [][]string{nil, {""}, {`a"b`}, {`a\b`}, {"a/b"}, {"a\x00"}, strings.Split(strings.Repeat("x ", maxMisfits+1), " ")} {
		if _, ok := newSieve(sieveColumns, misfits); ok {
			t.Errorf("%q was taken", misfits)
		}
	}
}

// FuzzSieve holds that what passes fits: what a full look at the line puts
// into columns is all of the line's fields that were looked for.
func FuzzSieve(f *testing.F) {
	for _, line := range []string{`"n":1,"t":"2026-11-23T05:06:07Z"`, `"n":1.5`, `"\u006e":"x"`, `"s":"\\","n" : {"n":2}`, `"t":"\"n\":1"`} {
		f.Add(line)
	}
	s, _ := newSieve(sieveColumns, []string{"n", "t", "none"})
	f.Fuzz(func(t *testing.T, members string) {
		line := `{"_id":"i","_time":"2026-11-23T05:06:07Z",` + members + "}"
		if strings.Contains(line, "\n") || !s.passes([]byte(line)) {
			return
		}
		var stored bytes.Buffer
		z := gzip.NewWriter(&stored)
		_, _ = io.WriteString(z, line)
		_ = z.Close()
		all := append([]warehouse.Column{{Field: "none", Name: "none", Type: warehouse.JSON}}, sieveColumns[:2]...)
		r, err := rows.NewReader("k", &stored, all)
		if err != nil {
			t.Fatal(err)
		}
		row, err := r.Next()
		if err != nil {
			return // no row
		}
		if row.Values[0] != nil {
			t.Errorf("%s has the field none and passes", line)
		}
		for _, name := range []string{`"n":`, `"t":`} {
			if bytes.HasPrefix(row.Rest, []byte("{"+name)) || bytes.Contains(row.Rest, []byte(","+name)) && !strings.Contains(members, "{") && !strings.Contains(members, `"s"`) {
				t.Errorf("%s passes, and has the rest %s", line, row.Rest)
			}
		}
	})
}

func TestDriftedManifestsKeepTheFastWay(t *testing.T) {
	root := t.TempDir()
	var log bytes.Buffer
	archive := openArchive(t, root)
	w, err := Open(t.Context(), filepath.Join(root, "w.duckdb"), archive, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	job := warehousetest.Generate(t, archive, "generated", 1, 3000, 3)
	extendGenerated(t, w, "generated")
	whole := job.Manifests[0]
	job.Sifted, job.Direct, job.Manifests = true, false, nil
	for i, f := range whole.Files {
		m := warehouse.Manifest{Key: fmt.Sprint("m", i), Plan: uint64(i + 1), Rows: f.Rows, Bytes: f.Raw, Files: []warehouse.File{f}}
		if i > 0 {
			m.Misfits = []string{warehousetest.GeneratedColumns[0].Field, "absent"}
		}
		job.Manifests = append(job.Manifests, m)
	}
	result, err := w.Load(t.Context(), job)
	if err != nil || result.Rows != 3000 || result.Rest != 0 {
		t.Fatalf("got %+v, %v", result, err)
	}
	if log.Len() > 0 {
		t.Errorf("it took a slower way: %s", log.String())
	}
	direct := 0
	for e, err := range w.Ledger(t.Context(), warehouse.LedgerFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Direct {
			direct++
		}
	}
	if left, err := filepath.Glob(filepath.Join(w.temp, "*")); err != nil || len(left) != 0 || direct != 1 {
		t.Errorf("%d manifests count as direct, want the one without misfits; left are %v, %v", direct, left, err)
	}
}
