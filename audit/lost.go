package audit

import (
	"fmt"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/plan"
)

// lost reports a bundle that a plan had to leave out.
func (a *audit) lost(p *plan.Plan, i int) {
	in := &p.Inputs[i]
	g := Gap{
		Kind: BundleLost, Lane: in.Lane.String(), FirstOrdinal: in.Ordinal, LastOrdinal: in.Ordinal, Plan: p.Number, RowsUnknown: true,
		Detail: fmt.Sprintf("plan %d left out bundle %s: %s", p.Number, in.Key(), in.Excluded),
		Remedy: "its rows are lost unless they came again (where Kinesis delivered them again, the bundle behind begins with them), or a copy of the bundle is found (a damaged one is kept below damaged/ in the buffer bucket); the positions around it tell what to look for",
		Before: a.beside.first[in.Lane],
	}
	for j := i - 1; j >= 0 && g.After == ""; j-- {
		if p.Inputs[j].Lane == in.Lane {
			g.After = p.Inputs[j].Last
		}
	}
	for j := len(p.Inputs) - 1; j > i; j-- {
		if other := &p.Inputs[j]; other.Lane == in.Lane && other.First != "" {
			g.Before = other.First
		}
	}
	listed := len(a.report.Gaps)
	a.gap(g)
	if g.After == "" && len(a.report.Gaps) > listed {
		a.beside.open[in.Lane] = append(a.beside.open[in.Lane], listed)
	}
}

// beside tells what stands on both sides of a lost bundle. It may be in other
// plans, which are looked at from the newest.
type beside struct {
	first map[ikada.Lane]ikada.Position // of the oldest bundle of newer plans that is not lost
	open  map[ikada.Lane][]int          // the gaps for whose bundle no older one was seen
}

func newBeside() beside {
	return beside{map[ikada.Lane]ikada.Position{}, map[ikada.Lane][]int{}}
}

// older tells the gaps that are open where the bundles before them end.
func (b *beside) older(p *plan.Plan, gaps []Gap) {
	for i := len(p.Inputs) - 1; i >= 0; i-- {
		if in := &p.Inputs[i]; in.Last != "" {
			for _, at := range b.open[in.Lane] {
				gaps[at].After = in.Last
			}
			delete(b.open, in.Lane)
		}
	}
}

// passed notes where a plan's bundles begin.
func (b *beside) passed(p *plan.Plan) {
	for i := len(p.Inputs) - 1; i >= 0; i-- {
		if in := &p.Inputs[i]; in.First != "" {
			b.first[in.Lane] = in.First
		}
	}
}
