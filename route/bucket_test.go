package route

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/ikada-io/ikada/bucket/mem"
)

// memory is a bucket in memory that tests look into.
type memory struct {
	*mem.Bucket
	mu    sync.Mutex
	onGet func(key string) error
}

func newMemory() *memory { return &memory{Bucket: mem.New()} }

// hook has f called before every Get.
func (m *memory) hook(f func(key string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onGet = f
}

func (m *memory) Get(ctx context.Context, key string, off, n int64, buf []byte) ([]byte, error) {
	m.mu.Lock()
	onGet := m.onGet
	m.mu.Unlock()
	if onGet != nil {
		if err := onGet(key); err != nil {
			return nil, err
		}
	}
	return m.Bucket.Get(ctx, key, off, n, buf)
}

// objects returns what the bucket holds.
func (m *memory) objects(t testing.TB) map[string][]byte {
	t.Helper()
	objects := make(map[string][]byte)
	for info, err := range m.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		objects[info.Key] = m.object(t, info.Key)
	}
	return objects
}

func (m *memory) object(t testing.TB, key string) []byte {
	t.Helper()
	data, err := m.Bucket.Get(t.Context(), key, 0, -1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// change lets f change an object.
func (m *memory) change(t testing.TB, key string, f func([]byte) []byte) {
	t.Helper()
	m.put(t, key, f(bytes.Clone(m.object(t, key))))
}

func (m *memory) put(t testing.TB, key string, data []byte) {
	t.Helper()
	if err := m.Put(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
}

func (m *memory) remove(t testing.TB, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := m.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
}
