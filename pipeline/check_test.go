package pipeline

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ikada-io/ikada/config"
)

// What a check refuses, a start refuses with the same words, before it makes
// anything.
func TestCheckDecidesWhatAStartDecides(t *testing.T) {
	const place = "buckets: s3://logs/ikada\n"
	for _, c := range []struct {
		text string
		want []string
	}{
		{"warehouse: {kind: redshift}", []string{"COPY reads from S3 only: set buckets", "warehouse.url: it is not set: want redshift://", "warehouse: IAM role"}},
		{"warehouse: {kind: redshift, url: nonsense, iam_role: default}", []string{"set buckets to a place there", "warehouse.url: the settings of the connection can't be read"}},
		{place + "warehouse: {url: 'redshift://u:hunter2@h:x/d', iam_role: default}", []string{"warehouse.url: the settings of the connection can't be read"}},
		{place + "warehouse: {url: 'redshift://h/d', iam_role: nobody}", []string{`warehouse: IAM role "nobody": want`}},
		{place + "warehouse: {url: 'redshift://u:hunter2@h/d', iam_role: default, auth: iam, workgroup: w}", []string{"warehouse.url: with warehouse.auth iam: it holds a password"}},
		{place + "warehouse: {url: 'redshift://u@h/d', iam_role: default, auth: iam, workgroup: w}", []string{"warehouse.url: it names a user"}},
		{"buckets: s3://x/y\nwarehouse: {url: 'redshift://u:p@h/d', iam_role: default}", []string{`buckets: bucket "x": want 3 to 63`}},
		{"buckets: s3://x/y", []string{`buckets: bucket "x"`}},
		{"forward: {tls: {cert: /nope, key: /nope2}}\nhttp: {tls: {cert: /nope, key: /nope2}}", []string{"load forward.tls: open /nope", "load http.tls: open /nope"}},
		{"stream: {shards: 64, disk_limit: 64MiB}", []string{"stream: disk limit of 67108864 bytes for 64 shards: want at least"}},
		{"data: /tmp/what?", []string{"data: the path"}},
	} {
		cfg, err := config.Read("ikada.yaml", []byte(c.text), nil)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if cfg.Source("data") == "default" {
			cfg.Data = filepath.Join(t.TempDir(), "data")
		}
		err = Check(cfg)
		if err == nil {
			t.Errorf("%s: no error", c.text)
			continue
		}
		if lines := strings.Split(err.Error(), "\n"); len(lines) != len(c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %q", c.text, lines)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", c.text, err, want)
			}
		}
		if _, started := Open(t.Context(), cfg, slog.New(slog.DiscardHandler)); started == nil || started.Error() != err.Error() {
			t.Errorf("%s: a start says %v, a check %v", c.text, started, err)
		}
		if _, err := os.Stat(cfg.Data); err == nil {
			t.Errorf("%s: %s was made", c.text, cfg.Data)
		}
	}
}

func TestCheckAcceptsWhatStarts(t *testing.T) {
	for _, text := range []string{
		"", "warehouse: {kind: none}", "forward: {listen: 'off', tls: {cert: /nope, key: /nope2}}",
		"buckets: s3://logs/ikada\nwarehouse: {url: 'redshift://u:p@h/d', iam_role: default}",
		"buckets: s3://logs/ikada\nwarehouse: {url: 'redshift://h/d', iam_role: default, auth: secret, secret_arn: a}",
	} {
		cfg, err := config.Read("ikada.yaml", []byte(text), nil)
		if err == nil {
			err = Check(cfg)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
