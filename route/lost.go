package route

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/plan"
)

// place is where a segment is: an input's index and the offset in it.
type place struct {
	input  int
	offset int64
}

// losses says of segments that cannot be had any more why.
type losses map[place]string

// inputs returns the bundles that the outputs need, in a list parallel to the
// plan's inputs, every needed segment checked; and what is lost for good.
func (r *Router) inputs(ctx context.Context, p *plan.Plan, outputs []plan.Output) ([][]byte, losses, error) {
	needs := make([][]bundle.Extent, len(p.Inputs))
	for i := range outputs {
		for j := range outputs[i].Segments {
			s := &outputs[i].Segments[j]
			needs[s.Input] = append(needs[s.Input], s.Extent)
		}
	}
	var wants []want
	var which []int
	for i := range p.Inputs {
		if len(needs[i]) > 0 {
			wants = append(wants, want{p.Inputs[i].Key(), p.Inputs[i].Size})
			which = append(which, i)
		}
	}
	read, errs := r.bundles.load(ctx, wants)
	data := make([][]byte, len(p.Inputs))
	bad := make([]map[int64]string, len(wants))
	var group errgroup.Group
	group.SetLimit(r.opts.Parallel)
	for k, i := range which {
		data[i] = read[k]
		group.Go(func() error {
			bad[k] = r.check(data[i], errs[k], needs[i])
			return nil
		})
	}
	_ = group.Wait()
	lost := make(losses)
	for k, i := range which {
		if len(bad[k]) == 0 {
			continue
		}
		again, err := r.bundles.reload(ctx, wants[k].key)
		if err != nil && !errors.Is(err, ikada.ErrNotFound) {
			return nil, nil, fmt.Errorf("read bundle %s: %w", wants[k].key, err)
		}
		data[i] = again
		for offset, why := range r.check(again, err, needs[i]) {
			lost[place{i, offset}] = why
		}
	}
	return data, lost, nil
}

// check returns what is wrong with the segments of a bundle.
func (r *Router) check(data []byte, err error, segments []bundle.Extent) map[int64]string {
	var bad map[int64]string
	for i := range segments {
		s := &segments[i]
		why := ""
		switch {
		case err != nil:
			why = err.Error()
		case s.Offset+s.Length > int64(len(data)):
			why = fmt.Sprintf("cut off: the bundle has only %d bytes", len(data))
		default:
			if got := crc32.Checksum(data[s.Offset:s.Offset+s.Length], bundle.Castagnoli); got != s.CRC32C {
				why = fmt.Sprintf("damaged: CRC-32C is %08x, not %08x", got, s.CRC32C)
			}
		}
		if why != "" {
			if bad == nil {
				bad = make(map[int64]string)
			}
			bad[s.Offset] = why
		}
	}
	return bad
}

// amend takes what is lost out of the files that are not written yet. p is the
// plan with the amendments so far. It returns true if the plan is done: then
// the bundles are gone because they are not needed any more.
func (r *Router) amend(ctx context.Context, made, p *plan.Plan, lost losses, k int) (done bool, err error) {
	if done, err = plan.Done(ctx, r.buffer, made.Number); done || err != nil {
		return done, err
	}
	missing, err := r.missing(ctx, p)
	if err != nil {
		return false, err
	}
	a := &plan.Amendment{Plan: made.Number, Number: k, Created: r.opts.Now().UnixNano()}
	damaged := make(map[int]bool)
	for i := range missing {
		if len(missing[i].Segments) == 0 {
			continue
		}
		for j, s := range made.Outputs[i].Segments {
			why, ok := lost[place{s.Input, s.Offset}]
			if !ok {
				continue
			}
			a.Cuts = append(a.Cuts, plan.Cut{Output: i, Segment: j, Reason: why})
			damaged[s.Input] = true
			r.trouble(fmt.Errorf("plan %d: %d rows of %q are lost: bundle %s at %d, %d bytes: %s",
				made.Number, s.Rows, made.Manifests[made.Outputs[i].Manifest].Type, made.Inputs[s.Input].Key(), s.Offset, s.Length, why))
		}
	}
	if len(a.Cuts) == 0 {
		return false, nil // someone wrote the files in the meantime
	}
	for i := range damaged {
		key := made.Inputs[i].Key()
		if data, ok := r.bundles.held[key]; ok {
			if err := r.setAside(ctx, key, data); err != nil {
				return false, err
			}
		}
	}
	data, err := a.Encode()
	if err != nil {
		return false, err
	}
	if err := create(ctx, r.buffer, plan.AmendKey(made.Number, k), data); err != nil {
		return false, fmt.Errorf("create amendment %d: %w", k, err)
	}
	return false, nil
}

// compare reports a manifest that differs from the amended plan's: another
// router wrote it before the amendment, when it could still read everything.
// It is right, since its files were there before it.
func (r *Router) compare(ctx context.Context, key string, want []byte) error {
	got, err := r.manifests.Get(ctx, key, 0, -1, nil)
	if err != nil {
		return fmt.Errorf("read manifest %s: %w", key, err)
	}
	if !bytes.Equal(got, want) {
		r.opts.Log.Warn("a manifest holds more than the amended plan: it was written before the amendment", "manifest", key)
	}
	return nil
}
