package s3

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ikada-io/ikada/bucket"
)

// List implements bucket.Bucket. Objects of others whose keys the contract
// does not know, such as the "folder/" of a console, are left out.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		if !begins(prefix) || after > prefix && !strings.HasPrefix(after, prefix) {
			return
		}
		in := &sdk.ListObjectsV2Input{Prefix: b.full(prefix)}
		if after >= prefix && after != "" {
			in.StartAfter = b.full(after)
		}
		for page, err := range b.pages(ctx, "list", prefix, in) {
			if err != nil {
				yield(bucket.Info{}, err)
				return
			}
			for _, o := range page.Contents {
				key := strings.TrimPrefix(aws.ToString(o.Key), b.prefix)
				if bucket.Check(key) != nil {
					continue
				}
				if !yield(bucket.Info{Key: key, Size: aws.ToInt64(o.Size), ModTime: aws.ToTime(o.LastModified)}, nil) {
					return
				}
			}
		}
	}
}

// Folders implements bucket.Bucket. A folder counts that holds only objects of
// others, since looking into each would cost a request.
func (b *Bucket) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if !begins(prefix) {
			return
		}
		var names []string
		in := &sdk.ListObjectsV2Input{Prefix: b.full(prefix), Delimiter: aws.String("/")}
		for page, err := range b.pages(ctx, "list folders of", prefix, in) {
			if err != nil {
				yield("", err)
				return
			}
			for _, p := range page.CommonPrefixes {
				name := strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), b.prefix+prefix), "/")
				if bucket.Check(name) == nil {
					names = append(names, name)
				}
			}
		}
		slices.Sort(names) // the store has "a-/" before "a/"
		for _, name := range names {
			if !yield(name, nil) {
				return
			}
		}
	}
}

// pages yields the pages of a list, each when it is asked for.
func (b *Bucket) pages(ctx context.Context, verb, prefix string, in *sdk.ListObjectsV2Input) iter.Seq2[*sdk.ListObjectsV2Output, error] {
	return func(yield func(*sdk.ListObjectsV2Output, error) bool) {
		in.Bucket = &b.name
		if b.pageSize > 0 {
			in.MaxKeys = &b.pageSize
		}
		for more := true; more; {
			var out *sdk.ListObjectsV2Output
			err := b.try(ctx, verb, prefix, func(ctx context.Context, a *attempt) (err error) {
				a.sends(opList)
				out, err = b.client.ListObjectsV2(ctx, in)
				return err
			})
			if !yield(out, err) || err != nil {
				return
			}
			in.ContinuationToken = out.NextContinuationToken
			more = aws.ToBool(out.IsTruncated) && in.ContinuationToken != nil
		}
	}
}

// begins reports whether a key can begin with prefix.
func begins(prefix string) bool {
	i := strings.LastIndexByte(prefix, '/')
	if i >= 0 && bucket.Check(prefix[:i]) != nil {
		return false
	}
	last := prefix[i+1:]
	return last == "" || last == "." || last == ".." || bucket.Check(last) == nil
}
