// Package s3 is a bucket in Amazon S3, or in a store that speaks its protocol:
//
//	options, err := s3.Parse("s3://logs/buffer?region=eu-central-1")
//	b, err := s3.Open(ctx, options)
//
// Several buckets of the contract may share one bucket of the store under
// different prefixes. Create needs a store that honours "If-None-Match: *" in
// PutObject; Verify tests nothing of that kind, it only asks for the bucket.
//
// # What is retried
//
// Every call is tried up to Options.MaxAttempts times, with random, growing
// pauses: after errors of the connection, when nothing has moved for
// Options.Stall (so a dead connection is cut, and a slow transfer is not),
// after 5xx, throttling and damaged transfers, and after 409, which says that
// another conditional write of the key was under way. A Get that breaks off
// goes on where it was, as long as the object is still the same.
//
// # Create is exact
//
// If an attempt ends without an answer, the object may be there all the same,
// and the next attempt is refused with 412. So each Create has a random mark,
// which is kept in the object's metadata; before a body is sent again, and after
// a refusal that may be its own doing, it looks for the object, and returns nil
// if the mark is its own.
// ErrExists thus means that another call took the key, with one exception: the
// object, or the permission to read it, is gone by the time it is asked for.
// Callers are safe in this case too, since ErrExists never says who was first:
// buffer reads the lane again, route looks at the plan that is there.
//
// Put has no such proof. An attempt that was given up, but had reached the store
// whole, may in principle take effect after a later Put or Delete of the key.
//
// # Permissions
//
// s3:GetObject, s3:PutObject, s3:DeleteObject on the objects and s3:ListBucket
// on the bucket, plus kms:GenerateDataKey and kms:Decrypt with a key of KMS.
// Without s3:ListBucket the store answers 403 for an absent key, which is then
// an error and not ErrNotFound.
//
// # Limits
//
// One PutObject takes 5 GiB, far above an archive file. Directory buckets
// ("--x-s3") do not list in the order of keys and are refused.
package s3

import (
	"context"
	"fmt"
	"sync/atomic"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ikada-io/ikada/bucket"
)

// Bucket is a bucket of a store, or the part of it below a prefix.
type Bucket struct {
	client   *sdk.Client
	name     string
	prefix   string // "" or ending in '/'
	opts     Options
	pageSize int32 // 0: the store's, which is 1,000
	counter  counter
	pause    func(ctx context.Context, attempt int) error

	// seen is set once the bucket is known to exist: before, a 404 without a
	// text may mean that it does not.
	seen atomic.Bool
}

var _ bucket.Bucket = (*Bucket)(nil)

// Open makes a bucket of options. It reads files and the environment for what
// the options leave to AWS's standard chain, but asks the store for nothing:
// Verify does.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	client, err := newClient(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open s3://%s: %w", o.Bucket, err)
	}
	b := &Bucket{client: client, name: o.Bucket, prefix: o.Prefix, opts: o, pause: pause}
	if b.prefix != "" {
		b.prefix += "/"
	}
	return b, nil
}

// Verify asks for the bucket, so that wrong settings are told at the start.
func (b *Bucket) Verify(ctx context.Context) error {
	one := int32(1)
	return b.try(ctx, "ask for", "", func(ctx context.Context, a *attempt) error {
		a.sends(opList)
		_, err := b.client.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: &b.name, Prefix: &b.prefix, MaxKeys: &one})
		return err
	})
}

// URL implements bucket.Bucket. No character of a key needs an escape.
func (b *Bucket) URL(key string) string { return "s3://" + b.name + "/" + b.prefix + key }

// Requests returns how many requests were sent so far.
func (b *Bucket) Requests() Requests { return b.counter.read() }

// full returns a key as the store has it.
func (b *Bucket) full(key string) *string {
	key = b.prefix + key
	return &key
}
