package cli

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
	"github.com/ikada-io/ikada/history"
)

func TestWriteReport(t *testing.T) {
	s := Sheet{Head: []string{"type", "rows"}, Right: map[int]bool{1: true}}
	s.Add("app.access", "12")
	s.Add(`a,"b"`, "7")
	for format, want := range map[string]string{
		"table": "type        rows\napp.access    12\na,\"b\"          7\n",
		"csv":   "type,rows\napp.access,12\n\"a,\"\"b\"\"\",7\n",
		"json":  "{\n  \"n\": 1\n}\n",
	} {
		var out strings.Builder
		if err := WriteReport(&out, format, 0, map[string]int{"n": 1}, s); err != nil || out.String() != want {
			t.Errorf("%s: got %q, %v; want %q", format, out.String(), err, want)
		}
	}
	if err := WriteReport(io.Discard, "xml", 0, nil, s); err == nil {
		t.Error("xml was taken")
	}
}

func TestALongTagDoesNotWidenATableOfTypes(t *testing.T) {
	found := &history.Types{Types: []history.Type{{Type: ikada.LogType(strings.Repeat("x", 900))}, {Type: "app"}}}
	for _, maxWidth := range []int{0, 40, 2000} {
		var out strings.Builder
		if err := WriteReport(&out, "table", maxWidth, nil, TypesSheet(found)); err != nil {
			t.Fatal(err)
		}
		want := 100
		if maxWidth == 40 {
			want = 40
		}
		if !strings.Contains(out.String(), "\n"+strings.Repeat("x", want-1)+"…  ") {
			t.Errorf("width %d: got\n%s", maxWidth, out.String())
		}
	}
	var out strings.Builder
	if err := WriteReport(&out, "csv", 0, nil, TypesSheet(found)); err != nil || !strings.Contains(out.String(), strings.Repeat("x", 900)) {
		t.Errorf("csv: got %v\n%s", err, out.String())
	}
}

func TestDoTellsProgressAndResult(t *testing.T) {
	answers := map[string]string{
		"/good": `{"progress":{"done":1,"of":2,"unit":"rows"}}` + "\n" + `{"progress":{"done":2,"unit":"rows"}}` + "\n" + `{"result":{"rows":2}}` + "\n",
		"/bad":  `{"progress":{"done":1,"unit":"rows"}}` + "\n" + `{"error":"the disk is full"}` + "\n",
		"/cut":  `{"progress":{"done":1,"unit":"rows"}}` + "\n",
		"/odd":  "<html>\n",
	}
	c := NewInProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != `{"type":"a"}` {
			t.Errorf("got body %q, %v", body, err)
		}
		_, _ = io.WriteString(w, answers[r.URL.Path])
	}))
	for path, want := range map[string]string{"/good": "", "/bad": "the disk is full", "/cut": "ends too early", "/odd": "read the answer"} {
		var done []int64
		var result json.RawMessage
		err := c.Do(context.Background(), path, map[string]string{"type": "a"}, func(p api.Progress) { done = append(done, p.Done) }, &result)
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %q", path, err, want)
		case want == "" && (err != nil || len(done) != 2 || string(result) != `{"rows":2}`):
			t.Errorf("%s: got %v, %v, %s", path, err, done, result)
		}
	}
}
