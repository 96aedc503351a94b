package proc

import (
	"os"
	"testing"
	"time"
)

func TestProcessOfItsOwn(t *testing.T) {
	held := make([]byte, 64<<20)
	start := time.Now()
	for n := byte(0); time.Since(start) < 50*time.Millisecond; n++ {
		for i := range held {
			held[i] += n
		}
	}
	used, err := CPU(os.Getpid())
	if err != nil || used < 20*time.Millisecond || used > time.Hour {
		t.Errorf("CPU time %v, %v", used, err)
	}
	peak, err := Peak(os.Getpid())
	if err != nil || peak < int64(len(held)) || peak > 1<<40 {
		t.Errorf("peak %d, %v", peak, err)
	}
}

func TestProcessThatIsNotThere(t *testing.T) {
	if _, err := CPU(1 << 30); err == nil {
		t.Error("CPU time of nobody")
	}
	if _, err := Peak(1 << 30); err == nil {
		t.Error("memory of nobody")
	}
}
