package pipeline

import (
	"testing"

	"github.com/ikada-io/ikada/bucket/dir"
	"github.com/ikada-io/ikada/config"
)

// An object is let go of where it is read for the last time.
func TestBucketsForgetWhatIsNotReadAgain(t *testing.T) {
	for kind, want := range map[string]map[string]dir.Forget{
		"duckdb": {"buffer": dir.AfterRead, "archive": dir.Never, "manifests": dir.Never},
		"none":   {"buffer": dir.AfterRead, "archive": dir.AfterWrite, "manifests": dir.Never},
	} {
		cfg := &config.Config{Data: t.TempDir(), Warehouse: config.Warehouse{Kind: kind}}
		for name, want := range want {
			b, err := openBucket(t.Context(), cfg, name)
			if err != nil {
				t.Fatal(err)
			}
			if got := b.(*dir.Bucket).Forget; got != want {
				t.Errorf("warehouse %s: %s forgets %d, want %d", kind, name, got, want)
			}
		}
	}
}
