package awstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestS3KeepsObjects(t *testing.T) {
	server := StartS3(t)
	name := server.NewBucket(t)
	_, err := server.Client().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &name, Key: aws.String("a/b"), Body: strings.NewReader("content"),
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(server.Root, name, "a", "b"))
	if err != nil || string(data) != "content" {
		t.Errorf("the server's file holds %q, error %v", data, err)
	}
	if other := StartS3(t); other.Endpoint == server.Endpoint {
		t.Errorf("two servers at %s", other.Endpoint)
	}
}

// A test without its server fails, and says what to do.
func TestMissingServerFails(t *testing.T) {
	if os.Getenv("AWSTEST_MISSING") != "" {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module "+module+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Chdir(folder)
		StartS3(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMissingServerFails$")
	cmd.Env = append(os.Environ(), "AWSTEST_MISSING=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "run `make test-deps`") {
		t.Errorf("error %v, output %s", err, out)
	}
}
