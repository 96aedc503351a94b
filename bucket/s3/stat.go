package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
)

// Stat implements bucket.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Info, error) {
	if err := bucket.Check(key); err != nil {
		return bucket.Info{}, fmt.Errorf("stat: %w", err)
	}
	out, err := b.head(ctx, key)
	if err != nil {
		return bucket.Info{}, b.diagnose(ctx, key, err)
	}
	return bucket.Info{Key: key, Size: aws.ToInt64(out.ContentLength), ModTime: aws.ToTime(out.LastModified)}, nil
}

func (b *Bucket) head(ctx context.Context, key string) (out *sdk.HeadObjectOutput, err error) {
	err = b.try(ctx, "stat", key, func(ctx context.Context, a *attempt) (err error) {
		a.sends(opHead)
		out, err = b.client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: &b.name, Key: b.full(key)})
		return b.absent(err)
	})
	return out, err
}

// diagnose finds the reason of a HEAD that failed. Its answer has no text: 404
// may mean that the bucket is absent, or the user, and 400 and 403 anything. So
// another request is made; for 404, only until the bucket has been seen.
func (b *Bucket) diagnose(ctx context.Context, key string, err error) error {
	absent := errors.Is(err, ikada.ErrNotFound)
	if absent && b.seen.Load() || !absent && status(err)/100 != 3 && status(err)/100 != 4 {
		return err
	}
	switch why := b.Verify(ctx); {
	case why == nil, absent && code(why) == "AccessDenied": // it is only not allowed to list
		return err
	default:
		return fmt.Errorf("stat %s: %w", b.URL(key), why)
	}
}
