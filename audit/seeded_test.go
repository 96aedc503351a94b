package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/audit"
	"github.com/ikada-io/ikada/bucket/fault"
	membucket "github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/bundle"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/route"
	memstream "github.com/ikada-io/ikada/stream/mem"
)

// seed is damage of one sort, and what audits must say of it.
type seed struct {
	name string
	// do does the damage. It returns the gap that must be found: its kind, its
	// place, and its rows.
	do   func(*world) audit.Gap
	deep bool // only a deep audit finds it
	late bool // only once it is due
	note bool // it costs no row
}

var seeds = []seed{
	{name: "a bundle deleted before it is routed", do: func(w *world) audit.Gap {
		w.send(60)
		w.bundle()
		lane, ordinal := w.middle()
		w.delete(w.buffer, bundle.Key(lane, ordinal))
		return audit.Gap{Kind: audit.BundleMissing, Lane: lane.String(), FirstOrdinal: ordinal, LastOrdinal: ordinal, RowsUnknown: true}
	}},
	{name: "a bundle deleted, and routing went on", do: lostBundle(1)},
	{name: "a bundle deleted, and routing went on in one plan", do: lostBundle(1 << 20)},
	{name: "a routed bundle deleted before its time", note: true, do: func(w *world) audit.Gap {
		lane := w.plan(w.newest()).After[0].Lane
		w.delete(w.buffer, bundle.Key(lane, 2))
		return audit.Gap{Kind: audit.BundleGone, Lane: lane.String(), FirstOrdinal: 2, LastOrdinal: 2}
	}},
	{name: "a lane's newest bundle deleted", do: func(w *world) audit.Gap {
		m := w.plan(w.newest()).After[0]
		w.delete(w.buffer, bundle.Key(m.Lane, m.Ordinal))
		return audit.Gap{Kind: audit.CheckpointLost, Lane: m.Lane.String(), FirstOrdinal: m.Ordinal, LastOrdinal: m.Ordinal}
	}},
	{name: "a bundle that is not routed", late: true, do: func(w *world) audit.Gap {
		w.send(1)
		w.bundle()
		return audit.Gap{Kind: audit.BundleLate, Rows: 10}
	}},
	{name: "a plan that is not executed", late: true, do: func(w *world) audit.Gap {
		w.send(1)
		w.bundle()
		w.decide()
		n, _, err := plan.Newest(w.t.Context(), w.buffer)
		if err != nil {
			w.t.Fatal(err)
		}
		return audit.Gap{Kind: audit.PlanLate, Plan: n, Rows: 10}
	}},
	{name: "an amended plan", do: func(w *world) audit.Gap {
		w.send(1)
		w.bundle()
		w.decide()
		n, _, err := plan.Newest(w.t.Context(), w.buffer)
		if err != nil {
			w.t.Fatal(err)
		}
		p := w.plan(n)
		in := p.Inputs[0]
		w.delete(w.buffer, in.Key())
		w.route()
		w.load()
		// That it was its lane's newest bundle, too, is another gap.
		return audit.Gap{
			Kind: audit.PlanAmended, Plan: n, Type: p.Manifests[0].Type, Rows: 10, Manifest: p.Manifests[0].Key,
			Lane: in.Lane.String(), FirstOrdinal: in.Ordinal, LastOrdinal: in.Ordinal,
		}
	}},
	{name: "a plan amended when all was written", note: true, do: func(w *world) audit.Gap {
		p := w.withRows()
		n := p.Number
		a := &plan.Amendment{Plan: n, Number: 1, Cuts: []plan.Cut{{Output: 0, Segment: 0, Reason: "it is missing"}}}
		data, err := a.Encode()
		if err == nil {
			err = w.buffer.Create(w.t.Context(), plan.AmendKey(n, 1), data)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		in := p.Inputs[p.Outputs[0].Segments[0].Input]
		return audit.Gap{
			Kind: audit.PlanAmended, Plan: n, Type: p.Manifests[0].Type, Manifest: p.Manifests[0].Key,
			Lane: in.Lane.String(), FirstOrdinal: in.Ordinal, LastOrdinal: in.Ordinal,
		}
	}},
	{name: "an ordinal missing in a plan", do: func(w *world) audit.Gap {
		n := w.newest()
		p := w.plan(n)
		last := len(p.Inputs) - 1
		in := p.Inputs[last]
		p.Inputs = p.Inputs[:last]
		for i := range p.Outputs {
			p.Outputs[i].Segments = slices.DeleteFunc(p.Outputs[i].Segments, func(s plan.Segment) bool { return s.Input == last })
		}
		w.rewrite(p)
		return audit.Gap{Kind: audit.OrdinalMissing, Plan: n, Lane: in.Lane.String(), FirstOrdinal: in.Ordinal, LastOrdinal: in.Ordinal, RowsUnknown: true}
	}},
	{name: "an ordinal missing between plans", do: func(w *world) audit.Gap {
		p := w.plan(w.newest() - 1)
		for i := range p.After {
			if p.After[i].Lane == p.Inputs[0].Lane {
				p.After[i].Ordinal++
			}
		}
		w.rewrite(p)
		return audit.Gap{Kind: audit.OrdinalMissing, Plan: p.Number, Lane: p.Inputs[0].Lane.String(), RowsUnknown: true}
	}},
	{name: "a plan deleted", do: func(w *world) audit.Gap {
		w.delete(w.buffer, plan.Key(2))
		w.delete(w.buffer, plan.DoneKey(2))
		return audit.Gap{Kind: audit.PlanMissing, Plan: 2, RowsUnknown: true}
	}},
	{name: "the newest plan deleted", do: func(w *world) audit.Gap {
		w.send(3)
		w.run()
		n := w.newest()
		w.delete(w.buffer, plan.Key(n))
		w.delete(w.buffer, plan.DoneKey(n))
		return audit.Gap{Kind: audit.PlanMissing, Plan: n, RowsUnknown: true}
	}},
	{name: "all plans deleted", do: func(w *world) audit.Gap {
		for _, key := range keys(w.t, w.buffer, plan.Prefix) {
			w.delete(w.buffer, key)
		}
		return audit.Gap{Kind: audit.PlanMissing, Plan: 1, RowsUnknown: true}
	}},
	{name: "a new buffer bucket", note: true, do: func(w *world) audit.Gap {
		w.stream, w.buffer = memstream.New(memstream.Options{}), membucket.New()
		w.send(3)
		w.run()
		return audit.Gap{Kind: audit.PlanMissing, Plan: 1}
	}},
	{name: "the first plan damaged", do: func(w *world) audit.Gap {
		w.change(w.buffer, plan.Key(1), func(b []byte) []byte { return b[:len(b)-1] })
		return audit.Gap{Kind: audit.PlanMissing, Plan: 1, RowsUnknown: true}
	}},
	{name: "an archive file deleted", do: func(w *world) audit.Gap {
		f := w.file()
		w.delete(w.archive, f.File)
		f.Kind = audit.FileMissing
		return f
	}},
	{name: "an archive file truncated", do: func(w *world) audit.Gap {
		f := w.file()
		w.change(w.archive, f.File, func(b []byte) []byte { return b[:len(b)-9] })
		f.Kind = audit.FileCut
		return f
	}},
	{name: "an archive file with a flipped bit", deep: true, do: func(w *world) audit.Gap {
		f := w.file()
		w.change(w.archive, f.File, func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
		f.Kind = audit.FileDamaged
		return f
	}},
	{name: "a manifest never loaded", late: true, do: func(w *world) audit.Gap {
		m := w.unloaded()
		return audit.Gap{Kind: audit.NotLoaded, Plan: w.newest(), Manifest: m.Key, Type: m.Type, Rows: 10, Table: m.Type.TableName()}
	}},
	{name: "a manifest deleted and never loaded", do: func(w *world) audit.Gap {
		m := w.unloaded()
		w.delete(w.manifests, m.Key)
		return audit.Gap{Kind: audit.ManifestMissing, Plan: w.newest(), Manifest: m.Key, Type: m.Type, Rows: 10}
	}},
	{name: "a manifest taken out of the ledger", late: true, do: func(w *world) audit.Gap {
		p := w.withRows()
		m, n := p.Manifests[0], int64(0)
		for i := range p.Outputs {
			if p.Outputs[i].Manifest == 0 {
				rows, _, _ := p.Outputs[i].Totals()
				n += rows
			}
		}
		w.warehouse.Forget(m.Key)
		w.rows(m.Type, func(rows []map[string]any) []map[string]any { return rows[n:] })
		return audit.Gap{Kind: audit.NotLoaded, Plan: p.Number, Manifest: m.Key, Type: m.Type, Rows: n, Table: m.Type.TableName()}
	}},
	{name: "rows deleted from a table", deep: true, do: func(w *world) audit.Gap {
		w.rows("type.1", func(rows []map[string]any) []map[string]any { return rows[:len(rows)-7] })
		return audit.Gap{Kind: audit.RowsMissing, Type: "type.1", Table: "type_1", Rows: 7}
	}},
	{name: "a row doubled by hand", deep: true, do: func(w *world) audit.Gap {
		w.rows("type.1", func(rows []map[string]any) []map[string]any { return append(rows, rows[3]) })
		return audit.Gap{Kind: audit.RowsDoubled, Type: "type.1", Table: "type_1", Rows: 1}
	}},
	{name: "a row added by hand", deep: true, do: func(w *world) audit.Gap {
		w.rows("type.1", func(rows []map[string]any) []map[string]any {
			return append(rows, map[string]any{"_id": "mine", "_time": time.Unix(0, 0)})
		})
		return audit.Gap{Kind: audit.RowsUnknown, Type: "type.1", Table: "type_1", Rows: 1}
	}},
	{name: "a row replaced by its neighbour", deep: true, do: func(w *world) audit.Gap {
		w.rows("type.1", func(rows []map[string]any) []map[string]any { rows[0] = rows[1]; return rows })
		return audit.Gap{Kind: audit.RowsMissing, Type: "type.1", Table: "type_1", Rows: 1}
	}},
}

// decide makes a plan and dies before it does anything of it.
func (w *world) decide() {
	p := fault.Options{Process: fault.NewProcess(1, fault.CrashAfter)}
	_, err := route.New(fault.New(w.buffer, p), fault.New(w.archive, p), fault.New(w.manifests, p), route.Options{}).Once(w.t.Context())
	if err == nil {
		w.t.Fatal("the router did not die")
	}
}

func (w *world) newest() uint64 {
	w.t.Helper()
	n, err := plan.NewestDone(w.t.Context(), w.buffer)
	if err != nil || n < 3 {
		w.t.Fatalf("plan %d: %v", n, err)
	}
	return n
}

// middle returns a bundle that is not routed, between others of its lane.
func (w *world) middle() (ikada.Lane, uint64) {
	w.t.Helper()
	m := w.plan(w.newest()).After[0]
	lane, newest, err := bundle.ParseKey(keys(w.t, w.buffer, bundle.Folder(m.Lane))[0])
	if err != nil || newest < m.Ordinal+3 {
		w.t.Fatalf("bundle %d, %d are routed: %v", newest, m.Ordinal, err)
	}
	return lane, m.Ordinal + 2
}

func (w *world) index(lane ikada.Lane, ordinal uint64) *bundle.Index {
	w.t.Helper()
	x, err := bundle.ReadIndex(w.t.Context(), w.buffer, bundle.Key(lane, ordinal))
	if err != nil {
		w.t.Fatal(err)
	}
	return x
}

func (w *world) rewrite(p *plan.Plan) {
	w.t.Helper()
	data, err := p.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.change(w.buffer, plan.Key(p.Number), func([]byte) []byte { return data })
}

// withRows returns a plan that archived something: some bundles hold duplicates only.
func (w *world) withRows() *plan.Plan {
	w.t.Helper()
	for n := uint64(2); ; n++ {
		if p := w.plan(n); len(p.Outputs) > 0 {
			return p
		}
	}
}

// file is a gap in the place of an archive file.
func (w *world) file() audit.Gap {
	w.t.Helper()
	p := w.withRows()
	o := p.Outputs[0]
	rows, _, _ := o.Totals()
	return audit.Gap{Plan: p.Number, Type: p.Manifests[0].Type, File: o.Key, Rows: rows}
}

// unloaded returns a manifest that waits.
func (w *world) unloaded() plan.Manifest {
	w.t.Helper()
	w.send(1)
	w.bundle()
	w.route()
	return w.plan(w.newest()).Manifests[0]
}

func (w *world) rows(of ikada.LogType, change func([]map[string]any) []map[string]any) {
	w.t.Helper()
	if err := w.warehouse.Change(of, change); err != nil {
		w.t.Fatal(err)
	}
}

// found returns the gap that has the kind and the place of another.
func found(gaps []audit.Gap, want audit.Gap) *audit.Gap {
	i := slices.IndexFunc(gaps, func(g audit.Gap) bool {
		if want.FirstOrdinal == 0 { // wherever
			g.FirstOrdinal, g.LastOrdinal = 0, 0
		}
		if want.Lane == "" {
			g.Lane = ""
		}
		g.Detail, g.Remedy = "", ""
		return g == want
	})
	if i < 0 {
		return nil
	}
	return &gaps[i]
}

// Damage of every sort is found, with its place and its rows, and with what to do.
func TestSeededDamageIsFound(t *testing.T) {
	for _, s := range seeds {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t)
			w.send(60)
			w.run()
			wantHolds(t, "before", w.audit(audit.Options{Deep: true, Now: later}))
			want := s.do(w)
			for _, deep := range []bool{false, true} {
				o := audit.Options{Deep: deep}
				if s.late {
					wantHolds(t, "not due yet", w.audit(o))
					o.Now = later
				}
				r := w.audit(o)
				if s.deep && !deep {
					wantHolds(t, "not deep", r)
					continue
				}
				in := r.Gaps
				if s.note {
					wantHolds(t, "a note only", r)
					in = r.Notes
				} else if r.Holds || r.GapCount != int64(len(r.Gaps)) || r.GapRows < want.Rows {
					t.Errorf("deep %t: holds %t, %d gaps, %d rows", deep, r.Holds, r.GapCount, r.GapRows)
				}
				g := found(in, want)
				if g == nil {
					t.Fatalf("deep %t: did not find %+v in:\n%s", deep, want, list(in))
				}
				if g.Detail == "" || g.Remedy == "" {
					t.Errorf("it says too little: %+v", g)
				}
				t.Logf("%s: %s\n%s", g.Kind, g.Detail, g.Remedy)
				if want.Type != "" && !s.note && !slices.ContainsFunc(r.Types, func(c audit.TypeCounts) bool { return c.Type == want.Type && c.Gaps > 0 && c.GapRows >= want.Rows }) {
					t.Errorf("the log type does not show it: %+v", r.Types)
				}
			}
		})
	}
}

func list(gaps []audit.Gap) string {
	var b strings.Builder
	for _, g := range gaps {
		fmt.Fprintf(&b, "%+v\n", g)
	}
	return b.String()
}

// A table of which rows are missing says in which hour.
func TestMissingRowsAreInAnHour(t *testing.T) {
	w := newWorld(t)
	w.send(60)
	w.run()
	w.rows("type.1", func(rows []map[string]any) []map[string]any { return rows[:len(rows)-7] })
	r := w.audit(audit.Options{Deep: true})
	if len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0].Detail, "has 193 rows, not 200") && !strings.Contains(r.Gaps[0].Detail, "; hour ") {
		t.Errorf("got %+v", r.Gaps)
	}
	r = w.audit(audit.Options{Deep: true, Since: time.Now().Add(-time.Hour)})
	if len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0].Detail, "without --since") {
		t.Errorf("got %+v", r.Gaps)
	}
}

// A log type that is partitioned by day is audited by days, also where it was
// not always.
func TestALogTypeByDay(t *testing.T) {
	w := newWorld(t)
	w.byDay = "type.1"
	w.send(60)
	w.run()
	wantHolds(t, "by day", w.audit(audit.Options{Deep: true}))
	w.byDay = "type.2"
	w.send(60)
	w.run()
	r := w.audit(audit.Options{Deep: true})
	wantHolds(t, "another by day", r)
	if sums(r).Loaded != 1200 {
		t.Errorf("got %+v", r.Types)
	}
	w.rows("type.1", func(rows []map[string]any) []map[string]any { return rows[:len(rows)-7] })
	r = w.audit(audit.Options{Deep: true})
	if len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0].Detail, "; day ") || !strings.Contains(r.Gaps[0].Detail, "has 393 rows, not 400") {
		t.Errorf("got %+v", r.Gaps)
	}
	for _, key := range keys(t, w.archive, "type.1/dt=") {
		if strings.Count(key, "/") == 2 {
			w.delete(w.archive, key)
			break
		}
	}
	if r = w.audit(audit.Options{}); len(r.Gaps) != 1 || r.Gaps[0].Kind != audit.FileMissing {
		t.Errorf("got %+v", r.Gaps)
	}
}

// lostBundle deletes a bundle and routes the others, in plans of so many bytes.
func lostBundle(plans int64) func(w *world) audit.Gap {
	return func(w *world) audit.Gap {
		w.send(60)
		w.bundle()
		lane, ordinal := w.middle()
		before, after := w.index(lane, ordinal-1), w.index(lane, ordinal+1)
		w.delete(w.buffer, bundle.Key(lane, ordinal))
		w.plans = plans
		w.route()
		w.load()
		_, n, err := plan.Find(w.t.Context(), w.buffer, lane, ordinal)
		if err != nil {
			w.t.Fatal(err)
		}
		return audit.Gap{
			Kind: audit.BundleLost, Lane: lane.String(), FirstOrdinal: ordinal, LastOrdinal: ordinal, RowsUnknown: true,
			Plan: n, After: before.Last, Before: after.First,
		}
	}
}
