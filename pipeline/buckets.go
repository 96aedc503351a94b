package pipeline

import (
	"context"
	"fmt"
	"path"
	"path/filepath"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/bucket/s3"
	"github.com/ikada-io/ikada/config"
)

// openBucket opens one of the three buckets: a directory below the data
// directory, or a prefix in the store that the setting buckets names.
func openBucket(ctx context.Context, cfg *config.Config, name string) (bucket.Bucket, error) {
	if cfg.Buckets == "" {
		b, err := dir.Open(filepath.Join(cfg.Data, name))
		if err != nil {
			return nil, err
		}
		switch { // when is an object read for the last time, mostly?
		case name == "buffer":
			b.Forget = dir.AfterRead // a router holds its bundles while it needs them
		case name == "archive" && cfg.Warehouse.Kind == "none":
			b.Forget = dir.AfterWrite // else a load reads it, and forgets it
		}
		return b, nil
	}
	o, err := placeInS3(cfg)
	if err != nil {
		return nil, err
	}
	o.Prefix = path.Join(o.Prefix, name)
	b, err := s3.Open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("buckets: %w", err)
	}
	// Now, rather than when senders wait: is it there, and may we?
	if err := b.Verify(ctx); err != nil {
		return nil, fmt.Errorf("buckets: %w", err)
	}
	return b, nil
}

// placeInS3 reads the setting buckets.
func placeInS3(cfg *config.Config) (s3.Options, error) {
	o, err := s3.Parse(cfg.Buckets)
	if err != nil {
		return o, fmt.Errorf("buckets: %w", err)
	}
	return o, nil
}
