package lambdas

import (
	"strings"
	"testing"

	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/internal/awstest"
)

// Where the newest bundle of a lane is damaged, the lane goes on behind it, as
// the plan says that has it: what was routed is not taken again, and what was
// damaged before is, if it is delivered again.
func TestADamagedNewestBundleHoldsUpNothing(t *testing.T) {
	c := newCloud(t)
	take := func(first, last int) error { // a cold start each time
		_, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-buffer"), c.env...).Invoke(t.Context(), records(0, first, last))
		return err
	}
	router := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-route"), c.env...)
	route := func() {
		t.Helper()
		if _, err := router.Invoke(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	damage := func() {
		t.Helper()
		for info, err := range c.buffer.List(t.Context(), bundle.LanesPrefix, "") {
			must(err)
			must(c.buffer.Put(t.Context(), info.Key, []byte("damaged"))) // the newest comes first
			return
		}
		t.Fatal("there is no bundle")
	}

	must(take(0, 9))
	route()
	damage() // it was routed
	must(take(5, 19))
	route()
	must(take(20, 29))
	damage() // nobody has read it
	if err := take(20, 39); err == nil || !strings.Contains(err.Error(), "no plan has it yet") {
		t.Fatalf("a batch behind a damaged bundle that no plan has: %v", err)
	}
	route()
	must(take(15, 39))
	must(take(35, 49))
	route()

	wantSeqs(t, "archive", c.archived(t)[0], 50)
}
