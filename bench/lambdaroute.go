package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada/bucket/s3"
)

// lambdaRoute measures Lambda 2 on the sample's bundles, which wait in an S3
// store all together, beside copying the same bytes from the store into it.
func (b *bench) lambdaRoute(ctx context.Context) error {
	if !b.wants("lambda-route") {
		return nil
	}
	s, err := b.sampled(ctx)
	if err != nil {
		return err
	}
	return b.onCloud(ctx, func(c *cloud) error {
		var routed []invoked
		var copied []cost
		plans := 0
		for range b.rounds {
			p := c.place(c.store.Endpoint)
			bucket, err := p.open("buffer")
			if err != nil {
				return err
			}
			if err := upload(ctx, s, bucket); err != nil {
				return err
			}
			r, n, err := p.routeTimed(s)
			if err != nil {
				return err
			}
			one, err := copyTimed(ctx, s, bucket)
			if err != nil {
				return err
			}
			b.tell("Lambda 2: %v, %d plans, peak %d MiB; copy in the store: %v", r.cost, n, r.peak>>20, one)
			routed, copied, plans = append(routed, r), append(copied, one), n
		}
		figure := medianCost(each(routed, func(i invoked) cost { return i.cost }))
		peak := int64(0)
		for _, one := range routed {
			peak = max(peak, one.peak)
		}
		b.table.add("Lambda 2 over S3", fmt.Sprintf("%v, %d plans, peak %d MiB", figure, plans, peak>>20),
			"get and put of the same bytes: "+medianCost(copied).String(),
			fmt.Sprintf("%.2f × its time", ratio(each(routed, func(i invoked) cost { return i.cost }), copied, func(c cost) float64 { return c.wall.Seconds() })),
			target(fmt.Sprintf("≤ %d MB", functionMemory), peak < functionMemory<<20))
		return nil
	})
}

// routeTimed routes all that waits by one invocation, the start of the process
// among it.
func (p place) routeTimed(s *sample) (r invoked, plans int, err error) {
	f := p.function("route")
	defer f.Kill()
	start := time.Now()
	answer, err := f.Invoke(p.ctx, nil)
	if err != nil {
		return r, 0, err
	}
	r.wall, r.raw = time.Since(start), s.raw
	if r.cpu, r.peak, err = f.Usage(); err != nil {
		return r, 0, err
	}
	var routed struct{ Plans int }
	if err := json.Unmarshal(answer, &routed); err != nil {
		return r, 0, fmt.Errorf("read the function's answer: %w", err)
	}
	return r, routed.Plans, checkArchive(p.ctx, p.dir(), s.rows)
}

// upload puts the sample's bundles into a bucket.
func upload(ctx context.Context, s *sample, to *s3.Bucket) error {
	for _, one := range s.bundles {
		body, err := os.ReadFile(filepath.Join(s.dir, "buffer", one.key))
		if err != nil {
			return err
		}
		if err := to.Create(ctx, one.key, body); err != nil {
			return err
		}
	}
	return nil
}

// copyTimed gets each bundle and puts its bytes elsewhere, as many at a time as
// the function does.
func copyTimed(ctx context.Context, s *sample, bucket *s3.Bucket) (cost, error) {
	return measure(s.raw, func() error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(16)
		for _, one := range s.bundles {
			group.Go(func() error {
				body, err := bucket.Get(ctx, one.key, 0, -1, nil)
				return errors.Join(err, bucket.Put(ctx, "copy/"+one.key, body))
			})
		}
		return group.Wait()
	})
}
