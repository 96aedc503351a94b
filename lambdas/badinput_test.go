package lambdas

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/awstest"
)

func zipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed) // some texts are large
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Between good records of one batch are those that no producer should send. The
// good ones arrive, and the others are in the quarantine with the reason and
// every byte of them.
func TestBadRecordsAreKeptAndHoldUpNone(t *testing.T) {
	c := newCloud(t)
	whole := zipped(t, []byte(`{"tag":"type.1","shard":0,"seq":-1}`))
	// An aggregate as the Kinesis Producer Library makes it, but for its checksum.
	aggregate := append([]byte("\xf3\x89\x9a\xc2\x0a\x01k\x1a\x0b\x08\x00\x1a\x07{\"x\":1}"), "sixteen bytes ff"...)
	bad := map[string]struct{ data, want string }{
		"truncated compression": {string(whole[:len(whole)-9]), "the gzip data cannot be decompressed"},
		"zip bomb":              {string(zipped(t, make([]byte, maxInflated+1))), "more than one record may"},
		"wrong checksum":        {string(aggregate), ""},
		"oversized event":       {`{"tag":"type.1","pad":"` + strings.Repeat("x", 3<<20) + `"`, "ends in the middle"},
		"oversized, compressed": {string(zipped(t, []byte(`{"tag":"type.1","pad":"`+strings.Repeat("x", 9<<20)+`"}`))), "8"},
	}
	batch := records(0, 0, 2*len(bad))
	reasons, i := map[string]string{}, 1
	for name, b := range bad {
		batch.Records[i].Kinesis.Data = []byte(b.data)
		reasons[batch.Records[i].Kinesis.SequenceNumber] = name
		i += 2
	}
	event, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	buffer := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-buffer"), c.env...)
	for range 2 { // and delivered again
		if _, err := buffer.Invoke(t.Context(), json.RawMessage(event)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-route"), c.env...).Invoke(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	got := c.archived(t)[0]
	slices.Sort(got)
	if want := []int{0, 2, 4, 6, 8, 10}; !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
	kept := map[string][]byte{}
	c.eachArchived(t, func(typ ikada.LogType, line []byte) {
		var row struct {
			Reason, Origin, Data string
			Part, Parts          int
		}
		if typ != ikada.Quarantine {
			return
		}
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		name := reasons[strings.TrimSuffix(strings.Fields(row.Origin)[2], ",")]
		raw, err := base64.StdEncoding.DecodeString(row.Data)
		if err != nil || name == "" || !strings.Contains(row.Reason, bad[name].want) {
			t.Errorf("%s: %q of %s, %v", name, row.Reason, row.Origin, err)
		}
		kept[name] = append(kept[name], raw...)
	})
	for name, b := range bad {
		want := []byte(b.data)
		if name == "oversized, compressed" { // it is quarantined as the line that it is
			want = []byte(`{"tag":"type.1","pad":"` + strings.Repeat("x", 9<<20) + `"}`)
		}
		if !bytes.Equal(kept[name], want) {
			t.Errorf("%s: %d bytes are kept, want %d", name, len(kept[name]), len(want))
		}
	}
}

// While the credentials of the function have expired, every batch fails, and
// says why; delivered again later, it is there once.
func TestExpiredCredentialsLoseNothing(t *testing.T) {
	c := newCloud(t)
	var expired atomic.Bool
	through := passing(t, c.s3)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !expired.Load() {
			through.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`)
	}))
	t.Cleanup(front.Close)
	env := slices.Clone(c.env)
	for i := range env {
		env[i] = strings.Replace(env[i], c.s3.Endpoint, front.URL, 1)
	}
	buffer := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-buffer"), env...)
	invoke := func(e events.KinesisEvent) error {
		_, err := buffer.Invoke(t.Context(), e)
		return err
	}
	if err := invoke(records(0, 0, 4)); err != nil {
		t.Fatal(err)
	}
	expired.Store(true)
	for range 2 {
		if err := invoke(records(0, 5, 9)); err == nil || !strings.Contains(err.Error(), "the session of the credentials has ended") {
			t.Errorf("error %v", err)
		}
	}
	expired.Store(false)
	if err := invoke(records(0, 3, 9)); err != nil {
		t.Fatal(err)
	}
	if _, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-route"), env...).Invoke(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	got := c.archived(t)[0]
	if slices.Sort(got); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("rows %v", got)
	}
}
