package compact_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/compact"
	"github.com/ikada-io/ikada/internal/pipetest"
	"github.com/ikada-io/ikada/warehouse"
)

// noRows takes every load for done.
type noRows struct{ warehouse.Warehouse }

func (noRows) Loaded(_ context.Context, _ ikada.LogType, manifests []string) (map[string]bool, error) {
	has := map[string]bool{}
	for _, key := range manifests {
		has[key] = true
	}
	return has, nil
}

// BenchmarkOnce binds 600 files of a directory, of 20 rows or 400.
func BenchmarkOnce(b *testing.B) {
	for _, rows := range []int{20, 400} {
		b.Run(fmt.Sprint(rows, " rows a file"), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				root, err := dir.Open(b.TempDir())
				if err != nil {
					b.Fatal(err)
				}
				w := pipetest.New(b)
				w.SetArchive(root)
				for range 200 {
					for _, of := range []ikada.LogType{"a", "b", "c"} {
						w.Append(of, records(rows, "2026-11-20T06", 100)...)
					}
					w.Route()
				}
				b.StartTimer()
				report, err := compact.New(archive.NewView(root), w.Manifests, noRows{}, options()).Once(ctx, "", func(int64) {})
				if err != nil || len(report.Types) != 3 {
					b.Fatal(report, err)
				}
				raw := int64(0)
				for _, t := range report.Types {
					raw += t.Raw
				}
				b.SetBytes(raw)
			}
		})
	}
}
