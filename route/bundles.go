package route

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada/bucket"
)

// bundles holds the bundles of one plan in memory, each read once: by the one
// who makes the plan to see the index, or by the one who executes it. The
// memory is used again for the next plan.
type bundles struct {
	from     bucket.Bucket
	parallel int
	arena    []byte
	held     map[string][]byte
}

// want is a bundle to read.
type want struct {
	key  string
	size int64 // as far as known
}

// load reads the bundles that are not held. Others are dropped if anything has
// to be read. The results are parallel to wants: the bytes, or why not.
func (b *bundles) load(ctx context.Context, wants []want) ([][]byte, []error) {
	data, errs := make([][]byte, len(wants)), make([]error, len(wants))
	if b.holdsAll(wants) {
		for i, w := range wants {
			data[i] = b.held[w.key]
		}
		return data, errs
	}
	total := int64(0)
	for _, w := range wants {
		total += w.size
	}
	if int64(cap(b.arena)) < total {
		b.arena = nil // let it go before there are two
		b.arena = make([]byte, total)
	}
	var group errgroup.Group
	group.SetLimit(b.parallel)
	rest := b.arena[:cap(b.arena)]
	for i, w := range wants {
		buf := rest[:0:w.size]
		rest = rest[w.size:]
		group.Go(func() error {
			data[i], errs[i] = b.from.Get(ctx, w.key, 0, -1, buf)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs, one for each bundle
	b.held = make(map[string][]byte, len(wants))
	for i, w := range wants {
		if errs[i] == nil {
			b.held[w.key] = data[i]
		}
	}
	return data, errs
}

func (b *bundles) holdsAll(wants []want) bool {
	for _, w := range wants {
		if _, ok := b.held[w.key]; !ok {
			return false
		}
	}
	return true
}

// reload reads one bundle again, into memory of its own.
func (b *bundles) reload(ctx context.Context, key string) ([]byte, error) {
	data, err := b.from.Get(ctx, key, 0, -1, nil)
	if err != nil {
		delete(b.held, key)
		return nil, err
	}
	b.held[key] = data
	return data, nil
}
