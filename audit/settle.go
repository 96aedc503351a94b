package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse"
)

// settle compares what plans made with what is there: the ledger, manifests,
// and archive files.
func (a *audit) settle(ctx context.Context, c *chunk) error {
	if c.plans == 0 {
		return nil
	}
	if err := a.ledger(ctx, c); err != nil {
		return err
	}
	return a.files(ctx, c)
}

// ledger looks the manifests up in the ledger, which is read behind the plans:
// so what it has is in the plans too.
func (a *audit) ledger(ctx context.Context, c *chunk) error {
	loaded := make(map[string]warehouse.LedgerEntry)
	if a.Warehouse != nil {
		for e, err := range a.Warehouse.Ledger(ctx, warehouse.LedgerFilter{Type: a.opts.Type, FirstPlan: c.first, Newest: c.last}) {
			if err != nil {
				return err
			}
			loaded[e.Manifest] = e
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(a.opts.Parallel)
	var mu sync.Mutex // guards the counts
	for i := range c.manifests {
		m := &c.manifests[i]
		if a.leaves(m.of) {
			continue
		}
		e, ok := loaded[m.key]
		delete(loaded, m.key)
		if ok && len(m.cuts) == 0 && e.Rows+e.Quarantined == m.rows { // mostly
			mu.Lock()
			a.isLoaded(c, m, e)
			mu.Unlock()
			continue
		}
		group.Go(func() error { return a.member(groupCtx, c, m, e, ok, &mu) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, e := range loaded {
		a.unplanned(c, e)
	}
	return nil
}

// member looks at a manifest with which something is odd. mu guards the counts.
func (a *audit) member(ctx context.Context, c *chunk, m *made, e warehouse.LedgerEntry, loaded bool, mu *sync.Mutex) error {
	var written manifest.Detail
	if len(m.cuts) > 0 {
		var err error
		if written, err = a.written(ctx, m); err != nil {
			return err
		}
	}
	there, expired, err := true, int64(0), error(nil)
	if loaded {
		expired, err = a.expiredRows(ctx, c, m)
	} else if there, err = exists(ctx, a.Manifests, m.key); err != nil {
		err = fmt.Errorf("look for manifest %s: %w", m.key, err)
	}
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	if written.Rows > m.rows {
		c.override(m, written.Files)
	}
	a.amended(m, written.Rows)
	switch {
	case loaded && e.Rows+e.Quarantined == m.rows:
		a.isLoaded(c, m, e)
	case loaded:
		a.differs(c, m, e, expired)
	case m.rows > 0: // else amendments took everything
		a.unloaded(m, there)
	}
	return nil
}

func exists(ctx context.Context, b bucket.Bucket, key string) (bool, error) {
	_, err := b.Stat(ctx, key)
	if errors.Is(err, ikada.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// written returns what the manifest of an amended plan says. Somebody may have
// written it before the amendment, when he could still read everything.
func (a *audit) written(ctx context.Context, m *made) (none manifest.Detail, err error) {
	data, err := a.Manifests.Get(ctx, m.key, 0, -1, nil)
	if errors.Is(err, ikada.ErrNotFound) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read manifest %s: %w", m.key, err)
	}
	d, err := manifest.Decode(data)
	if errors.Is(err, ikada.ErrCorrupt) {
		return none, nil // a load says so
	}
	if err != nil {
		return none, fmt.Errorf("manifest %s: %w", m.key, err)
	}
	return d.Ikada, nil
}

// amended reports what amendments cut from a manifest, less what it has of that
// nevertheless.
func (a *audit) amended(m *made, written int64) {
	more := max(written-m.rows, 0)
	m.rows += more
	a.of(m.of).Archived += more
	for _, g := range m.cuts {
		had := min(more, g.Rows)
		more, g.Rows = more-had, g.Rows-had
		if g.Rows > 0 {
			a.gap(g)
			continue
		}
		g.Detail += "; but the manifest was written before, with all rows"
		g.Remedy = "nothing"
		a.note(g)
	}
}

func (a *audit) isLoaded(c *chunk, m *made, e warehouse.LedgerEntry) {
	t := a.of(m.of)
	t.Loaded += e.Rows
	t.Quarantined += e.Quarantined
	for _, f := range c.files[m.first : m.first+m.files] {
		if a.opts.Deep && a.opts.Since.IsZero() {
			a.hours[typeHour{f.of, f.hour}] += f.rows
			a.byDay[f.of] = a.byDay[f.of] || archive.Hours(f.key) == 24
		}
	}
}

// differs looks at a manifest that was loaded with other rows than planned.
func (a *audit) differs(c *chunk, m *made, e warehouse.LedgerEntry, expired int64) {
	a.isLoaded(c, m, e)
	if e.Rows < m.rows && e.Rows >= m.rows-expired {
		// Loaded into a new warehouse when files had expired already.
		a.of(m.of).ExpiredUnloaded += m.rows - e.Rows
		return
	}
	a.gap(Gap{
		Kind: LoadedOther, Type: m.of, Plan: m.plan, Manifest: m.key, Rows: abs(e.Rows - m.rows), Table: a.tableOf(m.of),
		Detail: fmt.Sprintf("the ledger says that manifest %s was loaded with %d rows, its plan says %d", m.key, e.Rows, m.rows),
		Remedy: "the ledger or the plan was changed by hand: restore it, or bring the archive's rows into the table with `ikada replay --shrink`",
	})
}

// unloaded looks at a manifest that the ledger does not have.
func (a *audit) unloaded(m *made, there bool) {
	if !there {
		a.gap(Gap{
			Kind: ManifestMissing, Type: m.of, Plan: m.plan, Manifest: m.key, Rows: m.rows,
			Detail: fmt.Sprintf("manifest %s of executed plan %d is not there, and was not loaded", m.key, m.plan),
			Remedy: "restore it from a backup: then it loads, at the latest with `ikada replay --all`",
		})
		return
	}
	age := a.age(m.created)
	if a.Warehouse == nil || age <= a.opts.Due {
		t, w := a.of(m.of), &a.report.Waiting
		t.WaitingManifests += m.rows
		w.Manifests++
		w.ManifestRows += m.rows
		return
	}
	a.gap(Gap{
		Kind: NotLoaded, Type: m.of, Plan: m.plan, Manifest: m.key, Rows: m.rows, Table: a.tableOf(m.of),
		Detail: fmt.Sprintf("manifest %s was made %s ago and is not loaded", m.key, age.Round(time.Second)),
		Remedy: "if `ikada status` shows an error of this log type, mend that, and it loads by itself; if later ones are loaded, `ikada replay --all` loads it",
	})
}

// expiredRows counts a manifest's rows whose files retention has deleted.
func (a *audit) expiredRows(ctx context.Context, c *chunk, m *made) (rows int64, err error) {
	for _, f := range c.files[m.first : m.first+m.files] {
		where, err := a.places.find(ctx, f.key, false)
		if err != nil {
			return 0, err
		}
		if where.expired {
			rows += f.rows
		}
	}
	return rows, nil
}

func (a *audit) unplanned(c *chunk, e warehouse.LedgerEntry) {
	a.of(e.Type).Loaded += e.Rows
	if slices.ContainsFunc(c.lost, func(l [2]uint64) bool { return l[0] <= e.Plan && e.Plan <= l[1] }) {
		return // is reported
	}
	a.gap(Gap{
		Kind: LoadedUnplanned, Type: e.Type, Plan: e.Plan, Manifest: e.Manifest, Rows: e.Rows, Table: a.tableOf(e.Type),
		Detail: fmt.Sprintf("the ledger has manifest %s with %d rows, which plan %d did not make", e.Manifest, e.Rows, e.Plan),
		Remedy: "the plans or the ledger are not of this data: restore the plans from the backup that the warehouse goes with",
	})
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
