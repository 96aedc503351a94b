package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
)

// Find returns what a plan says of a bundle, and that plan's number. If routing
// has not come to it yet, the error is ErrNotFound. It reads few plans, as each
// says how far every lane was routed.
func Find(ctx context.Context, b bucket.Bucket, lane ikada.Lane, ordinal uint64) (*Input, uint64, error) {
	high, _, err := Newest(ctx, b)
	if err != nil {
		return nil, 0, err
	}
	var found *Plan // the first plan so far that has it or is behind it
	for low := uint64(1); low <= high; {
		n := low + (high-low)/2
		p, err := Read(ctx, b, n)
		switch {
		case errors.Is(err, ikada.ErrNotFound): // plans may begin with a later number
			low = n + 1
		case err != nil:
			return nil, 0, err
		case p.Ordinal(lane) < ordinal:
			low = n + 1
		default:
			found, high = p, n-1
		}
	}
	if found == nil {
		return nil, 0, fmt.Errorf("no plan has bundle %d of lane %s: %w", ordinal, lane, ikada.ErrNotFound)
	}
	at := slices.IndexFunc(found.Inputs, func(in Input) bool { return in.Lane == lane && in.Ordinal == ordinal })
	if at < 0 {
		return nil, 0, fmt.Errorf("bundle %d of lane %s was routed before the end of plan %d, and the plan that has it is missing: restore it", ordinal, lane, found.Number)
	}
	return &found.Inputs[at], found.Number, nil
}
