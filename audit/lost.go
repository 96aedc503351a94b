package audit

import (
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/plan"
)

// beside tells what stands on both sides of a lost bundle.
type beside struct {
	first map[ikada.Lane]ikada.Position // of the oldest bundle so far that is not lost
	open  map[ikada.Lane][]int          // the gaps for whose bundle no older one was seen
}

func newBeside() beside {
	return beside{map[ikada.Lane]ikada.Position{}, map[ikada.Lane][]int{}}
}

// between reports a bundle that a plan had to leave out, and tells where the
// bundles around it begin and end. A lane's are looked at from the newest, since
// plans are.
func (a *audit) between(p *plan.Plan, in *plan.Input) {
	if in.Excluded != "" {
		a.lost(p, in)
		return
	}
	if in.First != "" {
		a.beside.first[in.Lane] = in.First
	}
	if in.Last != "" {
		for _, at := range a.beside.open[in.Lane] {
			a.report.Gaps[at].After = in.Last
		}
		delete(a.beside.open, in.Lane)
	}
}

// lost reports a bundle that is left out; what stands before it is yet to come.
func (a *audit) lost(p *plan.Plan, in *plan.Input) {
	listed := len(a.report.Gaps)
	a.gap(Gap{
		Kind: BundleLost, Lane: in.Lane.String(), FirstOrdinal: in.Ordinal, LastOrdinal: in.Ordinal, Plan: p.Number, RowsUnknown: true,
		Detail: fmt.Sprintf("plan %d left out bundle %s: %s", p.Number, in.Key(), in.Excluded),
		Remedy: "its rows are lost unless they came again (where Kinesis delivered them again, the bundle behind begins with them), or a copy of the bundle is found (a damaged one is kept below damaged/ in the buffer bucket); the positions around it tell what to look for",
		Before: a.beside.first[in.Lane],
	})
	if len(a.report.Gaps) > listed {
		a.beside.open[in.Lane] = append(a.beside.open[in.Lane], listed)
	}
}
