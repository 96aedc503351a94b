//go:build cgo

package timerslack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every thread has the slack, that of Go's runtime too, which began first.
func TestEachThreadMayWakeLate(t *testing.T) {
	const want = 5 * time.Millisecond
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil || len(tasks) < 2 {
		t.Fatalf("threads %v: %v", tasks, err)
	}
	for _, task := range tasks {
		got, err := os.ReadFile(filepath.Join("/proc", filepath.Base(task), "timerslack_ns"))
		if err != nil {
			t.Skipf("the slack of another thread cannot be read: %v", err)
		}
		if slack, err := time.ParseDuration(strings.TrimSpace(string(got)) + "ns"); err != nil || slack != want {
			t.Errorf("thread %s may wake %v late, want %v: %v", filepath.Base(task), slack, want, err)
		}
	}
}
