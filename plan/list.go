package plan

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/ikada-io/ikada/bucket"
)

// Entry is what a listing tells of one plan.
type Entry struct {
	Number     uint64
	Exists     bool // the plan itself, not only marks of it
	Done       bool
	Amendments int
}

// List yields the plans from newest down to the first, as a listing has them. A
// plan of which nothing is there is not among them.
func List(ctx context.Context, b bucket.Bucket, newest uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var e Entry
		after := ""
		if newest < maxNumber {
			after = stem(newest) // sorts before the keys of the plan, and behind those of newer ones
		}
		for info, err := range b.List(ctx, Prefix, after) {
			if err != nil {
				yield(Entry{}, fmt.Errorf("list plans: %w", err))
				return
			}
			n, suffix, err := parseKey(info.Key)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if n != e.Number {
				if e.Number != 0 && !yield(e, nil) {
					return
				}
				e = Entry{Number: n}
			}
			e.note(suffix)
		}
		if e.Number != 0 {
			yield(e, nil)
		}
	}
}

func (e *Entry) note(suffix string) {
	switch suffix {
	case planSuffix:
		e.Exists = true
	case doneSuffix:
		e.Done = true
	default:
		if k, err := strconv.Atoi(strings.TrimPrefix(suffix, ".a")); err == nil {
			e.Amendments = max(e.Amendments, k)
		}
	}
}
