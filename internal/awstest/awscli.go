package awstest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// CLI is Amazon's command line: Debian's package awscli, or whichever is in the path.
type CLI struct {
	path string
	env  []string
	t    testing.TB
}

// debianCLI is where Debian puts it.
const debianCLI = "/usr/bin/aws"

// NewCLI returns the command line with a server's credentials and region.
func NewCLI(t testing.TB, k *Kinesis) *CLI {
	t.Helper()
	path := debianCLI
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("aws"); err != nil {
			t.Fatalf("the tests need Amazon's command line, which is not there (%v): run `make test-deps`", err)
		}
	}
	key, err := k.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none") // no settings of whoever runs the tests
	return &CLI{t: t, path: path, env: append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey, "AWS_DEFAULT_REGION="+k.Region, "AWS_REGION="+k.Region,
		"AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")}
}

// PutRecords runs `aws kinesis put-records`. A record that the stream refuses is
// an error.
func (c *CLI) PutRecords(ctx context.Context, k *Kinesis, stream string, data ...[]byte) error {
	type entry struct {
		Data         []byte // in base64
		PartitionKey string
	}
	in := struct {
		StreamName string
		Records    []entry
	}{StreamName: stream}
	for i, d := range data {
		in.Records = append(in.Records, entry{d, "cli-" + strconv.Itoa(i)})
	}
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the records: %w", err)
	}
	path := filepath.Join(c.t.TempDir(), "records.json") // a command line holds 128 KB at most
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write the records: %w", err)
	}
	cmd := exec.CommandContext(ctx, c.path, "--endpoint-url", k.Endpoint, "--cli-binary-format", "base64", "--output", "json",
		"kinesis", "put-records", "--cli-input-json", "file://"+path)
	cmd.Env = c.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("aws kinesis put-records: %w: %s", err, stderr.String())
	}
	var answer struct {
		FailedRecordCount int
		Records           []struct{ SequenceNumber, ErrorCode string }
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return fmt.Errorf("read the answer of aws kinesis put-records: %w: %s", err, out)
	}
	if answer.FailedRecordCount > 0 || len(answer.Records) != len(data) {
		return fmt.Errorf("aws kinesis put-records: %d of %d records were refused, %d answered", answer.FailedRecordCount, len(data), len(answer.Records))
	}
	return nil
}
