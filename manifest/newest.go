package manifest

import (
	"context"

	"github.com/ikada-io/ikada/bucket"
)

// Newest returns the greatest number of a plan that has a manifest, 0 without
// any. Plans say it too; this is for where they are lost.
func Newest(ctx context.Context, b bucket.Bucket) (newest uint64, err error) {
	for folder, err := range b.Folders(ctx, "") {
		if err != nil {
			return 0, err
		}
		last := ""
		for thousand, err := range b.Folders(ctx, folder+"/") {
			if err != nil {
				return 0, err
			}
			last = thousand
		}
		if last == "" {
			continue
		}
		for info, err := range b.List(ctx, folder+"/"+last+"/", "") {
			if err != nil {
				return 0, err
			}
			if _, n, _, wrong := ParseKey(info.Key); wrong == nil {
				newest = max(newest, n)
			}
		}
	}
	return newest, nil
}
