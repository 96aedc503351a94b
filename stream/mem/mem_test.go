package mem_test

import (
	"testing"

	"github.com/ikada-io/ikada/stream"
	"github.com/ikada-io/ikada/stream/mem"
	"github.com/ikada-io/ikada/stream/streamtest"
)

func TestContract(t *testing.T) {
	streamtest.Run(t, func(*testing.T) stream.Stream {
		return mem.New(mem.Options{MaxBytes: streamtest.MaxBytes})
	}, nil)
}
