package dir

import (
	"testing"

	"github.com/ikada-io/ikada/internal/pagecache/pagecachetest"
)

// The kernel holds an object for as long as somebody is expected to read it.
func TestForget(t *testing.T) {
	body := make([]byte, 1<<20)
	for forget, want := range map[Forget]struct{ written, tail, read bool }{
		Never:      {true, true, true},
		AfterRead:  {true, true, false},
		AfterWrite: {false, true, true},
	} {
		b := open(t, t.TempDir())
		b.Forget = forget
		held := func() bool { return pagecachetest.Held(t, b.path("k")) > 0 }
		if err := b.Create(t.Context(), "k", body); err != nil {
			t.Fatal(err)
		}
		if got := held(); got != want.written {
			t.Errorf("forget %d: held after it was written: %t", forget, got)
		}
		if _, err := b.Get(t.Context(), "k", -1000, -1, nil); err != nil {
			t.Fatal(err)
		}
		if got := held(); got != want.tail {
			t.Errorf("forget %d: held after some of it was read: %t", forget, got)
		}
		if data, err := b.Get(t.Context(), "k", 0, -1, nil); err != nil || len(data) != len(body) {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		if got := held(); got != want.read {
			t.Errorf("forget %d: held after it was read: %t", forget, got)
		}
	}
}
