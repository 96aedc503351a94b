package mem_test

import (
	"testing"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/buckettest"
	"github.com/ikada-io/ikada/bucket/mem"
)

func TestContract(t *testing.T) {
	buckettest.Run(t, func(*testing.T) bucket.Bucket { return mem.New() })
}
