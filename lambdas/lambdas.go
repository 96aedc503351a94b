// Package lambdas wires the stages into Lambda functions: buffer behind a
// Kinesis stream (and behind the bucket of what could not be delivered), route on a schedule, load on the PUT of a manifest. Each
// handler is a few lines around a stage; the binaries in cmd/ikada-lambda-* are a
// few lines around a handler.
//
// The functions keep nothing that they cannot read again: they may be killed
// whenever, run twice at a time, and get events late, doubled or in another order.
package lambdas

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/s3"
)

// Env is what a function is told by its environment.
type Env func(name string) string

// OSEnv is the environment of the process.
var OSEnv Env = os.Getenv

// Names of the settings, each an environment variable.
const (
	bufferBucket   = "IKADA_BUFFER_BUCKET" // s3://BUCKET/PREFIX?…, as package bucket/s3 reads it
	archiveBucket  = "IKADA_ARCHIVE_BUCKET"
	manifestBucket = "IKADA_MANIFEST_BUCKET"
	failedBucket   = "IKADA_FAILED_BUCKET" // where Lambda puts the batches that it cannot deliver
)

// open opens the buckets of settings.
func (e Env) open(ctx context.Context, names ...string) ([]bucket.Bucket, error) {
	all := make([]bucket.Bucket, len(names))
	for i, name := range names {
		text := e(name)
		if text == "" {
			return nil, fmt.Errorf("%s is not set: want a bucket, like s3://my-bucket/prefix", name)
		}
		o, err := s3.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if all[i], err = s3.Open(ctx, o); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// flag reads a setting that is true or false.
func (e Env) flag(name string) (bool, error) {
	switch text := strings.ToLower(e(name)); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, fmt.Errorf("%s is %q: want true or false", name, text)
	}
}

// Log writes JSON lines, which CloudWatch Logs reads as fields.
func Log() *slog.Logger { return slog.New(slog.NewJSONHandler(os.Stderr, nil)) }
