package plan

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ikada-io/ikada/bucket"
)

// Plans live in the buffer bucket. Their keys bear maxNumber minus the plan's
// number, so that a listing begins with the newest plan, in folders of a
// thousand, so that it stays cheap where a folder must be read whole.
const (
	Prefix     = "plans/" // of all keys
	maxNumber  = 999_999_999_999
	planSuffix = ".plan"
	doneSuffix = ".done"
)

// Key returns the key of plan n.
func Key(n uint64) string { return stem(n) + planSuffix }

// DoneKey returns the key of the marker that says plan n is executed.
func DoneKey(n uint64) string { return stem(n) + doneSuffix }

// AmendKey returns the key of the k-th amendment of plan n, k from 1.
func AmendKey(n uint64, k int) string { return stem(n) + ".a" + strconv.Itoa(k) }

func stem(n uint64) string {
	inverse := maxNumber - n
	return fmt.Sprintf("%s%09d/%012d", Prefix, inverse/1000, inverse)
}

// parseKey returns the plan number and the suffix of a key.
func parseKey(key string) (n uint64, suffix string, err error) {
	if at := len(Prefix) + len("NNNNNNNNN/"); len(key) > at+12 {
		n, err = strconv.ParseUint(key[at:at+12], 10, 64)
		if suffix = key[at+12:]; err == nil && n <= maxNumber && key == stem(maxNumber-n)+suffix {
			return maxNumber - n, suffix, nil
		}
	}
	return 0, "", fmt.Errorf("plan key %q: want %sNNNNNNNNN/NNNNNNNNNNNN.plan, .done or .aN", key, Prefix)
}

// Newest returns the number of the newest plan and whether it is executed.
// Without any plan it returns 0 and true.
func Newest(ctx context.Context, b bucket.Bucket) (n uint64, done bool, err error) {
	for info, err := range b.List(ctx, Prefix, "") {
		if err != nil {
			return 0, false, fmt.Errorf("list plans: %w", err)
		}
		number, suffix, err := parseKey(info.Key)
		if err != nil {
			return 0, false, err
		}
		if n != 0 && number != n {
			return 0, false, fmt.Errorf("plan %d has marks but no %s: restore it before routing goes on", n, Key(n))
		}
		n = number
		switch suffix {
		case doneSuffix: // sorts before planSuffix
			done = true
		case planSuffix:
			return n, done, nil
		}
	}
	if n != 0 {
		return 0, false, fmt.Errorf("plan %d has marks but no %s: restore it before routing goes on", n, Key(n))
	}
	return 0, true, nil
}

// NewestDone returns the number of the newest executed plan, 0 without any.
// Every plan up to it is executed too: a plan starts only when the one before is done.
func NewestDone(ctx context.Context, b bucket.Bucket) (uint64, error) {
	for info, err := range b.List(ctx, Prefix, "") {
		if err != nil {
			return 0, fmt.Errorf("list plans: %w", err)
		}
		n, suffix, err := parseKey(info.Key)
		if err != nil {
			return 0, err
		}
		if suffix == doneSuffix {
			return n, nil
		}
	}
	return 0, nil
}
