//go:build linux

// Package pagecachetest tells tests what the kernel has in memory.
package pagecachetest

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ikada-io/ikada/internal/pagecache"
)

// Held returns how many pages of a file are in memory. It skips the test where
// that cannot be known, or never changes.
func Held(t *testing.T, path string) (pages uint64) {
	t.Helper()
	probe := filepath.Join(t.TempDir(), "probe")
	if err := os.WriteFile(probe, make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	if count(t, probe, true) != 0 {
		t.Skip("the file system of temporary files keeps them in memory")
	}
	return count(t, path, false)
}

func count(t *testing.T, path string, drop bool) (pages uint64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	if drop {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		pagecache.Drop(f)
	}
	var stat unix.Cachestat_t
	if err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &stat, 0); err != nil {
		t.Skipf("the kernel does not tell which pages it has, as it does since Linux 6.5: %v", err)
	}
	return stat.Cache
}
