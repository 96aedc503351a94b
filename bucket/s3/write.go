package s3

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
)

// markName is the metadata that holds a Create's mark.
const markName = "ikada-create"

// Create implements bucket.Bucket. See the package's comment on its exactness.
func (b *Bucket) Create(ctx context.Context, key string, body ...[]byte) error {
	c := &condition{mark: rand.Text()}
	err := b.write(ctx, "create", key, body, c)
	if c.doubt && errors.Is(err, ikada.ErrExists) {
		// If it cannot be found out, the object does not count as its own:
		// that the key is taken is true in any case.
		if head, failed := b.head(ctx, key); failed == nil && c.bears(head) {
			return nil
		}
	}
	return err
}

// Put implements bucket.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, body ...[]byte) error {
	return b.write(ctx, "put", key, body, nil)
}

// condition is that of a Create: the key is absent. It holds what its attempts
// have come to.
type condition struct {
	mark  string
	doubt bool // an attempt may have made the object, whatever the last one says
	lost  bool // the last one ended without an answer
}

func (c *condition) bears(head *sdk.HeadObjectOutput) bool { return head.Metadata[markName] == c.mark }

func (c *condition) note(err error) {
	c.doubt = c.doubt || mayHaveWorked(err)
	c.lost = unanswered(err)
}

// write sends an object, with a condition or without.
func (b *Bucket) write(ctx context.Context, verb, key string, body [][]byte, c *condition) error {
	if err := bucket.Check(key); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	size := sizeOf(body)
	// Computed here once, and sent in the header: the SDK would send it behind
	// a chunked body, which fewer stores understand.
	sum := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, checksum(body)))
	return b.try(ctx, verb, key, func(ctx context.Context, a *attempt) error {
		a.allow(size)
		in := &sdk.PutObjectInput{
			Bucket:         &b.name,
			Key:            b.full(key),
			Body:           newPieces(body, a.moved),
			ContentLength:  &size,
			ChecksumCRC32C: &sum,
		}
		b.encrypt(in)
		if c != nil {
			return b.sendIf(ctx, a, in, c)
		}
		a.sends(opPut)
		_, err := b.client.PutObject(ctx, in, unsigned)
		return err
	})
}

// sendIf sends an object if its key is absent.
func (b *Bucket) sendIf(ctx context.Context, a *attempt, in *sdk.PutObjectInput, c *condition) error {
	if c.lost {
		// Look before the whole body is sent again. A store that refuses a
		// body before it has come to its end may close the connection, and of
		// such an answer net/http often sees only that it cannot write on.
		a.sends(opHead)
		head, err := b.client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: in.Bucket, Key: in.Key})
		switch {
		case err == nil && c.bears(head):
			return nil
		case err == nil:
			return ikada.ErrExists
		}
		a.moved()
	}
	absent := "*"
	in.IfNoneMatch, in.Metadata = &absent, map[string]string{markName: c.mark}
	a.sends(opPut)
	_, err := b.client.PutObject(ctx, in, unsigned)
	if status(err) == http.StatusPreconditionFailed {
		return ikada.ErrExists
	}
	c.note(err)
	return err
}

// encrypt asks for the encryption that the options want.
func (b *Bucket) encrypt(in *sdk.PutObjectInput) {
	in.ServerSideEncryption = types.ServerSideEncryption(b.opts.SSE)
	if b.opts.KMSKeyID != "" {
		in.SSEKMSKeyId = &b.opts.KMSKeyID
	}
	if in.ServerSideEncryption == types.ServerSideEncryptionAwsKms {
		bucketKey := true // spares a request to KMS, and its price, for each object
		in.BucketKeyEnabled = &bucketKey
	}
}

// Delete implements bucket.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := bucket.Check(key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return b.try(ctx, "delete", key, func(ctx context.Context, a *attempt) error {
		a.sends(opDelete)
		_, err := b.client.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &b.name, Key: b.full(key)})
		if errors.Is(b.absent(err), ikada.ErrNotFound) {
			return nil
		}
		return err
	})
}
