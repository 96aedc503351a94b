// Package proc reads what Linux says of a running process, its processor time
// and its memory, and keeps what it prints. For tests and benchmarks.
package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is a unit of /proc: USER_HZ is 100 on Linux.
const tick = time.Second / 100

// CPU returns the processor time that a process has used, in user mode and in the kernel.
func CPU(pid int) (time.Duration, error) {
	data, err := os.ReadFile(file(pid, "stat"))
	if err != nil {
		return 0, fmt.Errorf("read a process's CPU time: %w", err)
	}
	_, rest, _ := strings.Cut(string(data), ") ") // behind the name, which may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("read a process's CPU time from %q", data)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("read a process's CPU time from %q", data)
	}
	return time.Duration(user+system) * tick, nil
}

// Peak returns the greatest resident memory of a process so far, in bytes.
func Peak(pid int) (int64, error) {
	data, err := os.ReadFile(file(pid, "status"))
	if err != nil {
		return 0, fmt.Errorf("read a process's memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read a process's memory from %q: %w", line, err)
			}
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("read the memory of process %d: /proc has no VmHWM", pid)
}

func file(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }
