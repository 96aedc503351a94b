package route

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
)

// execute carries out a plan: archive files, then manifests, then the mark
// that it is done. resumed says that someone may have begun.
func (r *Router) execute(ctx context.Context, made *plan.Plan, resumed bool) error {
	for {
		var amendments []*plan.Amendment
		p, missing := made, made.Outputs
		if resumed {
			var err error
			if amendments, err = plan.Amendments(ctx, r.buffer, made.Number); err != nil {
				return err
			}
			if p, err = made.Amend(amendments); err != nil {
				return err
			}
			if missing, err = r.missing(ctx, p); err != nil {
				return err
			}
		}
		members, lost, err := r.bind(ctx, p, missing)
		if err != nil {
			return err
		}
		if len(lost) == 0 {
			return r.finish(ctx, p, members, missing, len(amendments))
		}
		if resumed { // only now is it known which files are not there yet
			if done, err := r.amend(ctx, made, p, lost, len(amendments)+1); done || err != nil {
				return err
			}
		}
		resumed = true
	}
}

func (r *Router) finish(ctx context.Context, p *plan.Plan, members []bundle.Member, missing []plan.Output, amendments int) error {
	if err := r.writeFiles(ctx, p, members, missing); err != nil {
		return err
	}
	if err := r.writeManifests(ctx, p, members, amendments > 0); err != nil {
		return err
	}
	mark := fmt.Appendf(nil, "{\"plan\":%d,\"amendments\":%d}\n", p.Number, amendments)
	if err := create(ctx, r.buffer, plan.DoneKey(p.Number), mark); err != nil {
		return fmt.Errorf("mark as done: %w", err)
	}
	return nil
}

// create creates an object; that someone created it before is as good.
func create(ctx context.Context, b bucket.Bucket, key string, body ...[]byte) error {
	if err := b.Create(ctx, key, body...); err != nil && !errors.Is(err, ikada.ErrExists) {
		return err
	}
	return nil
}

// missing returns the outputs of which there is no file; those with one are
// left empty.
func (r *Router) missing(ctx context.Context, p *plan.Plan) ([]plan.Output, error) {
	result := make([]plan.Output, len(p.Outputs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.opts.Parallel)
	for i, o := range p.Outputs {
		group.Go(func() error {
			_, err := r.archive.Stat(ctx, o.Key)
			if errors.Is(err, ikada.ErrNotFound) {
				result[i] = o
				return nil
			}
			if err != nil {
				return fmt.Errorf("look for archive file %s: %w", o.Key, err)
			}
			return nil
		})
	}
	return result, group.Wait()
}

// bind reads and checks the segments of the missing files, and binds each
// output's; or it returns what is lost of the inputs.
func (r *Router) bind(ctx context.Context, p *plan.Plan, missing []plan.Output) ([]bundle.Member, losses, error) {
	data, lost, err := r.inputs(ctx, p, missing)
	if err != nil || len(lost) > 0 {
		return nil, lost, err
	}
	members := make([]bundle.Member, len(p.Outputs))
	for i := range p.Outputs {
		there := len(missing[i].Segments) == 0
		for j := range p.Outputs[i].Segments {
			s := &p.Outputs[i].Segments[j]
			if there {
				members[i].Add(s.Extent, nil)
			} else {
				members[i].Add(s.Extent, data[s.Input][s.Offset:s.Offset+s.Length])
			}
		}
	}
	return members, nil, nil
}

func (r *Router) writeFiles(ctx context.Context, p *plan.Plan, members []bundle.Member, missing []plan.Output) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.opts.Parallel)
	for i := range missing {
		if len(missing[i].Segments) == 0 {
			continue
		}
		group.Go(func() error {
			key := p.Outputs[i].Key
			if err := create(ctx, r.archive, key, members[i].Body()...); err != nil {
				return fmt.Errorf("write archive file %s: %w", key, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (r *Router) writeManifests(ctx context.Context, p *plan.Plan, members []bundle.Member, amended bool) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.opts.Parallel)
	for i, m := range r.describe(p, members) {
		if len(m.Entries) == 0 { // amendments took everything
			continue
		}
		group.Go(func() error {
			key := p.Manifests[i].Key
			data, err := m.Encode()
			if err != nil {
				return fmt.Errorf("manifest %s: %w", key, err)
			}
			if err := create(ctx, r.manifests, key, data); err != nil {
				return fmt.Errorf("write manifest %s: %w", key, err)
			}
			if amended {
				return r.compare(ctx, key, data)
			}
			return nil
		})
	}
	return group.Wait()
}

// describe makes the plan's manifests.
func (r *Router) describe(p *plan.Plan, members []bundle.Member) []manifest.Manifest {
	result := make([]manifest.Manifest, len(p.Manifests))
	outputs := make([][]*plan.Output, len(p.Manifests))
	for i := range p.Outputs {
		o := &p.Outputs[i]
		if len(o.Segments) == 0 {
			continue
		}
		m, member := &result[o.Manifest], &members[i]
		rows, _, _ := o.Totals()
		m.Entries = append(m.Entries, manifest.Entry{
			URL: r.archive.URL(o.Key), Mandatory: true, Meta: manifest.Meta{ContentLength: member.Size()},
		})
		m.Ikada.Files = append(m.Ikada.Files, manifest.File{
			Key: o.Key, Size: member.Size(), Raw: member.Raw(), Rows: rows, CRC32C: member.CRC32C(),
		})
		m.Ikada.Rows += rows
		m.Ikada.Raw += member.Raw()
		outputs[o.Manifest] = append(outputs[o.Manifest], o)
	}
	for i := range result {
		d, from := &result[i].Ikada, &p.Manifests[i]
		d.Version, d.Plan, d.Created = manifest.Version, p.Number, p.Created
		d.Type, d.Class, d.Fields = from.Type, from.Class, from.Fields
		d.OldestArrival = p.OldestArrival(outputs[i]...)
	}
	return result
}
