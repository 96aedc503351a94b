package route

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
)

// propose makes the plan behind last, nil if no bundle waits.
func (r *Router) propose(ctx context.Context, last *plan.Plan) (*plan.Plan, error) {
	chosen, err := r.choose(ctx, last)
	if err != nil || len(chosen) == 0 {
		return nil, err
	}
	inputs, err := r.take(ctx, chosen)
	if err != nil {
		return nil, fmt.Errorf("make plan %d: %w", last.Number+1, err)
	}
	p := &plan.Plan{Number: last.Number + 1, Created: r.opts.Now().UnixNano(), Before: last.After}
	p.After = marksAfter(last.After, inputs)
	r.lay(p, inputs)
	return p, nil
}

// marksAfter moves the lanes' last routed ordinals on.
func marksAfter(before []plan.Mark, inputs []taken) []plan.Mark {
	ordinals := make(map[ikada.Lane]uint64, len(before))
	for _, m := range before {
		ordinals[m.Lane] = m.Ordinal
	}
	for i := range inputs {
		ordinals[inputs[i].lane] = inputs[i].ordinal // of a lane, in ascending order
	}
	after := make([]plan.Mark, 0, len(ordinals))
	for lane, n := range ordinals {
		after = append(after, plan.Mark{Lane: lane, Ordinal: n})
	}
	slices.SortFunc(after, func(a, b plan.Mark) int { return cmp.Compare(a.Lane.String(), b.Lane.String()) })
	return after
}

// lay lays the inputs' segments out into archive files and manifests.
func (r *Router) lay(p *plan.Plan, inputs []taken) {
	groups := make(map[bundle.SegmentKey][]plan.Segment)
	fields := make(map[manifestKey]*fieldSet)
	for i := range inputs {
		in := &inputs[i]
		input := plan.Input{Lane: in.lane, Ordinal: in.ordinal, Size: in.size, Excluded: in.excluded}
		if in.index != nil {
			input.FirstArrival, input.First, input.Last, input.Dropped = in.index.FirstArrival, in.index.First, in.index.Last, in.index.Dropped
			for j := range in.index.Segments {
				s := &in.index.Segments[j]
				to := r.partition(s.SegmentKey)
				groups[to] = append(groups[to], plan.Segment{Input: i, Rows: s.Rows, Extent: s.Extent})
				of := manifestKey{s.Type, s.Class}
				if fields[of] == nil {
					fields[of] = &fieldSet{place: make(map[string]int)}
				}
				fields[of].merge(s.Fields)
			}
		}
		p.Inputs = append(p.Inputs, input)
	}
	for _, key := range slices.SortedFunc(maps.Keys(groups), compareKeys) {
		n := len(p.Manifests)
		if n == 0 || p.Manifests[n-1].Type != key.Type || p.Manifests[n-1].Class != key.Class {
			p.Manifests = append(p.Manifests, plan.Manifest{
				Key: manifest.Key(key.Type, p.Number, key.Class), Type: key.Type, Class: key.Class,
				Fields: fields[manifestKey{key.Type, key.Class}].fields,
			})
			n++
		}
		archiveKey := plan.ArchiveKey
		if r.opts.ByDay(key.Type) {
			archiveKey = plan.DayArchiveKey
		}
		for _, segments := range files(groups[key], r.opts.FileSize) {
			p.Outputs = append(p.Outputs, plan.Output{
				Key:      archiveKey(key.Type, key.Hour, key.Class, p.Number, len(p.Outputs)+1),
				Manifest: n - 1, Hour: key.Hour, Segments: segments,
			})
		}
	}
}

// partition returns the key under which a segment is laid out: the hours of a
// day together, where the log type is partitioned by day.
func (r *Router) partition(key bundle.SegmentKey) bundle.SegmentKey {
	if r.opts.ByDay(key.Type) {
		key.Hour = plan.FirstHour(key.Hour)
	}
	return key
}

type manifestKey struct {
	logType ikada.LogType
	class   ikada.Class
}

// compareKeys orders segments by manifest and hour.
func compareKeys(a, b bundle.SegmentKey) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Hour, b.Hour))
}

// files cuts segments into files of at most size compressed bytes.
func files(segments []plan.Segment, size int64) [][]plan.Segment {
	var result [][]plan.Segment
	start, length, raw := 0, int64(0), int64(0)
	for i := range segments {
		s := &segments[i]
		if i > start && (length+s.Length > size || raw+s.Raw > maxFileRaw) {
			result = append(result, segments[start:i])
			start, length, raw = i, 0, 0
		}
		length += s.Length
		raw += s.Raw
	}
	return append(result, segments[start:])
}

// fieldSet merges what segments say of their fields.
type fieldSet struct {
	fields []ikada.Field // in the order first seen
	place  map[string]int
}

func (s *fieldSet) merge(fields []ikada.Field) {
	for i := range fields {
		f := &fields[i]
		if i < len(s.fields) && s.fields[i].Name == f.Name { // mostly all segments have the same fields
			s.fields[i].Merge(*f)
			continue
		}
		at, ok := s.place[f.Name]
		if !ok {
			s.place[f.Name] = len(s.fields)
			s.fields = append(s.fields, *f)
			continue
		}
		s.fields[at].Merge(*f)
	}
}
