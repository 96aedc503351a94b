package s3

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Options{
		"s3://logs":         {Bucket: "logs"},
		"s3://logs/":        {Bucket: "logs"},
		"s3://my.logs/a/b/": {Bucket: "my.logs", Prefix: "a/b"},
		"s3://logs/a?region=eu-west-1&endpoint=http://127.0.0.1:9000&path_style=true&sse=aws:kms&kms_key=alias/logs&max_attempts=3&stall=1m": {
			Bucket: "logs", Prefix: "a", Region: "eu-west-1", Endpoint: "http://127.0.0.1:9000", PathStyle: true,
			SSE: "aws:kms", KMSKeyID: "alias/logs", MaxAttempts: 3, Stall: time.Minute,
		},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %+v, error %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                                "want s3://BUCKET/PREFIX",
		"logs/a":                          "want s3://BUCKET/PREFIX",
		"https://logs/a":                  "want s3://BUCKET/PREFIX",
		"s3:///a":                         "want s3://BUCKET/PREFIX",
		"s3://logs/a#b":                   "want s3://BUCKET/PREFIX",
		"s3://AKID:topsecret@logs/a":      "credentials",
		"s3://AKID:top%secret@logs/a":     "it is none",
		"s3://Logs":                       "bucket \"Logs\"",
		"s3://logs--eun1-az1--x-s3":       "directory bucket",
		"s3://logs/a b":                   "prefix in bucket logs",
		"s3://logs/a//b":                  "prefix in bucket logs",
		"s3://logs/a?regoin=x":            "no such setting",
		"s3://logs/a?region=x&region=y":   "twice",
		"s3://logs/a?path_style=yes":      "true or false",
		"s3://logs/a?stall=3":             "a time such as 30s",
		"s3://logs/a?max_attempts=3x":     "a number from 1",
		"s3://logs/a?max_attempts=0":      "a number from 1",
		"s3://logs/a?endpoint=minio:9000": "endpoint of bucket logs",
		"s3://logs/a?endpoint=http://u:topsecret@minio": "endpoint of bucket logs",
		"s3://logs/a?sse=rot13":                         "want AES256",
		"s3://logs/a?sse=AES256&kms_key=x":              "AES256 has no key",
		"s3://logs/" + strings.Repeat("a", 124):         "want at most 123",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestUnknownRegion(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/absent")
	if _, err := Open(t.Context(), Options{Bucket: "logs"}); err == nil || !strings.Contains(err.Error(), "region") {
		t.Errorf("error %v", err)
	}
}

func TestURL(t *testing.T) {
	for o, want := range map[Options]string{
		{Bucket: "logs", Region: "eu-west-1"}:                "s3://logs/t/dt=1/x",
		{Bucket: "logs", Region: "eu-west-1", Prefix: "a/b"}: "s3://logs/a/b/t/dt=1/x",
	} {
		if got := open(t, o).URL("t/dt=1/x"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCredentialsAreNotShown(t *testing.T) {
	o := Options{Bucket: "logs", Credentials: NewCredentials("AKIDHIDDEN", "hidden", "hidden too")}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", o, &o, o.Credentials)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "options", o, "credentials", o.Credentials)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "options", o, "credentials", o.Credentials)
	if err := json.NewEncoder(&out).Encode(o); err != nil {
		t.Error(err)
	}
	if text := strings.ToLower(out.String()); strings.Contains(text, "hidden") || strings.Contains(text, fmt.Sprintf("%x", "hidden")) || !strings.Contains(text, "***") {
		t.Errorf("shown in:\n%s", out.String())
	}
	if s := (Credentials{}).String(); s != "" {
		t.Errorf("none are shown as %q", s)
	}
}

func TestPieces(t *testing.T) {
	for _, body := range [][][]byte{
		nil,
		{nil},
		{[]byte("one")},
		{nil, []byte("one"), nil, nil, []byte("t"), []byte("hree"), nil},
	} {
		moved := 0
		p, whole := newPieces(body, func() { moved++ }), bytes.Join(body, nil)
		if err := iotest.TestReader(p, whole); err != nil {
			t.Errorf("%q: %v", body, err)
		}
		if _, err := p.Seek(-1, io.SeekStart); err == nil {
			t.Error("a seek to before the start was taken")
		}
		if moved == 0 || p.size != int64(len(whole)) {
			t.Errorf("%q: moved %d times, size %d", body, moved, p.size)
		}
		if got, want := checksum(body), checksum([][]byte{whole}); got != want {
			t.Errorf("%q: checksum %x, of the whole %x", body, got, want)
		}
	}
}
