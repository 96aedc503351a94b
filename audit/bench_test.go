package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
)

// history makes plans of 30 log types, a file each, without a byte of log in
// them.
func history(b *testing.B, plans int) (buffer, archive, manifests bucket.Bucket) {
	buffer, archive, manifests = mem.New(), mem.New(), mem.New()
	lane := ikada.Lane{Stream: "main", Incarnation: "k3j9x2ab"}
	put := func(to bucket.Bucket, key string, data []byte) {
		if err := to.Create(b.Context(), key, data); err != nil {
			b.Fatal(err)
		}
	}
	fields := make([]ikada.Field, 20)
	for i := range fields {
		fields[i] = ikada.Field{Name: fmt.Sprintf("field_%d", i), Kinds: ikada.KindText, MaxBytes: 20, Rows: 1}
	}
	stored := make([]byte, 100+bundle.MemberOverhead)
	now := time.Now()
	put(buffer, bundle.Key(lane, uint64(plans)), nil)
	for n := uint64(1); n <= uint64(plans); n++ {
		p := &plan.Plan{
			Number: n, Created: now.UnixNano(), Before: []plan.Mark{{Lane: lane, Ordinal: n - 1}}, After: []plan.Mark{{Lane: lane, Ordinal: n}},
			Inputs: []plan.Input{{Lane: lane, Ordinal: n, Size: 1e6, First: "1", Last: "2"}},
		}
		hour := ikada.HourOf(now) + ikada.Hour(n/3600)
		for i := range 30 {
			of := ikada.LogType(fmt.Sprintf("app.type.%d", i))
			key := plan.ArchiveKey(of, hour, ikada.Plain, n, i+1)
			p.Manifests = append(p.Manifests, plan.Manifest{Key: manifest.Key(of, n, ikada.Plain), Type: of, Fields: fields})
			p.Outputs = append(p.Outputs, plan.Output{Key: key, Manifest: i, Hour: hour, Segments: []plan.Segment{{Rows: 10, Extent: bundle.Extent{Length: 100, Raw: 1000}}}})
			put(archive, key, stored)
		}
		data, err := p.Encode()
		if err != nil {
			b.Fatal(err)
		}
		put(buffer, plan.Key(n), data)
		put(buffer, plan.DoneKey(n), nil)
	}
	for i := range 30 {
		for n := range plans {
			put(manifests, manifest.Key(ikada.LogType(fmt.Sprintf("app.type.%d", i)), uint64(n+1), ikada.Plain), nil)
		}
	}
	return buffer, archive, manifests
}

func BenchmarkAudit(b *testing.B) {
	const plans = 2000
	buffer, archive, manifests := history(b, plans)
	for b.Loop() {
		r, err := audit.Run(b.Context(), audit.Sources{Buffer: buffer, Archive: archive, Manifests: manifests}, audit.Options{Due: time.Hour})
		if err != nil || !r.Holds || r.Plans != plans || r.Files != 30*plans {
			b.Fatalf("%+v, %v", r, err)
		}
	}
	b.ReportMetric(float64(plans*b.N)/b.Elapsed().Seconds(), "plans/s")
}
