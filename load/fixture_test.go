package load_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	bucketmem "github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/plan"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/fault"
	"github.com/ikada-io/ikada/warehouse/mem"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

var ctx = context.Background()

// world is what stands around the stage: buckets as route leaves them, and a
// warehouse that notes every call.
type world struct {
	t                          *testing.T
	buffer, manifests, archive bucket.Bucket
	inner                      *mem.Warehouse
	rows                       map[ikada.LogType][]string // ids that were archived

	mu    sync.Mutex
	calls []fault.Call
	fail  func(fault.Call) fault.Outcome
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, buffer: bucketmem.New(), manifests: bucketmem.New(), archive: bucketmem.New(), rows: map[ikada.LogType][]string{}}
	w.inner = mem.New(w.archive)
	return w
}

// loader returns a stage, as a process that starts anew has it.
func (w *world) loader(opts load.Options) *load.Loader {
	return load.New(w.buffer, w.manifests, fault.New(w.inner, w.script), opts)
}

func (w *world) script(c fault.Call) fault.Outcome {
	w.mu.Lock()
	fail := w.fail
	w.calls = append(w.calls, c)
	w.mu.Unlock()
	if fail == nil {
		return fault.Pass
	}
	return fail(c)
}

func (w *world) failWith(f func(fault.Call) fault.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = f
}

// ops counts the calls of a method.
func (w *world) ops(op string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.Op == op {
			n++
		}
	}
	return n
}

// jobs returns the loads of a log type that were tried: "plain 1 2 3".
func (w *world) jobs(of ikada.LogType) (jobs []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.Op == "Load" && c.Type == of {
			job := c.Job.Class.String()
			for _, m := range c.Job.Manifests {
				job += fmt.Sprint(" ", m.Plan)
			}
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// add archives records and a manifest of them, as plan n.
func (w *world) add(n uint64, of ikada.LogType, class ikada.Class, records ...string) {
	w.t.Helper()
	var raw bytes.Buffer
	var fields []ikada.Field
	for i, record := range records {
		id := fmt.Sprintf("%d.%s.%d", n, class, i)
		w.rows[of] = append(w.rows[of], id)
		fmt.Fprintf(&raw, "{\"_id\":%q,\"_time\":\"2026-11-23T05:06:07Z\"%s\n", id, strings.Replace(strings.Replace(record, "{", ",", 1), ",}", "}", 1))
		fields = w.observe(fields, record)
	}
	var stored bytes.Buffer
	z := gzip.NewWriter(&stored)
	_, err := z.Write(raw.Bytes())
	w.check(err)
	w.check(z.Close())
	file := manifest.File{
		Key: plan.ArchiveKey(of, 0, class, n, 1), Size: int64(stored.Len()), Raw: int64(raw.Len()), Rows: int64(len(records)),
		CRC32C: crc32.Checksum(stored.Bytes(), crc32.MakeTable(crc32.Castagnoli)),
	}
	w.check(w.archive.Create(ctx, file.Key, stored.Bytes()))
	m := manifest.Manifest{
		Entries: []manifest.Entry{{URL: w.archive.URL(file.Key), Mandatory: true, Meta: manifest.Meta{ContentLength: file.Size}}},
		Ikada: manifest.Detail{
			Version: manifest.Version, Plan: n, Type: of, Class: class, Rows: file.Rows, Raw: file.Raw, Fields: fields,
			Files: []manifest.File{file}, Created: time.Now().UnixNano(), OldestArrival: time.Now().Add(-time.Second).UnixNano(),
		},
	}
	data, err := m.Encode()
	w.check(err)
	w.check(w.buffer.Put(ctx, plan.Key(n), nil)) // a plan is there before its manifests
	w.check(w.manifests.Create(ctx, manifest.Key(of, n, class), data))
}

// plain adds a manifest of plain rows and marks its plan done.
func (w *world) plain(n uint64, of ikada.LogType, records ...string) {
	w.t.Helper()
	w.add(n, of, ikada.Plain, records...)
	w.done(n)
}

func (w *world) done(n uint64) {
	w.t.Helper()
	w.check(w.buffer.Put(ctx, plan.DoneKey(n), nil))
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) observe(fields []ikada.Field, record string) []ikada.Field {
	w.t.Helper()
	d := jsontext.NewDecoder(strings.NewReader(record))
	_, err := d.ReadToken()
	w.check(err)
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		w.check(err)
		key := name.String()
		value, err := d.ReadValue()
		w.check(err)
		seen := ikada.Field{Name: key, Kinds: warehouse.KindOf(value), Rows: 1}
		if value.Kind() == '"' {
			seen.MaxBytes = uint32(len(value) - 2)
		}
		if seen.Kinds == ikada.KindNull {
			seen.Nulls = 1
		}
		if at := slices.IndexFunc(fields, func(f ikada.Field) bool { return f.Name == key }); at >= 0 {
			fields[at].Merge(seen)
		} else {
			fields = append(fields, seen)
		}
	}
	return fields
}

// ids returns the _id of every row of a log type's table.
func (w *world) ids(of ikada.LogType) []string {
	w.t.Helper()
	ids := []string{}
	if _, err := w.inner.Table(ctx, of); err != nil {
		return ids
	}
	for _, row := range warehousetest.Rows(w.t, w.inner, of) {
		ids = append(ids, row["_id"].(string))
	}
	return ids
}

// complete checks that every archived row is in its table once.
func (w *world) complete() {
	w.t.Helper()
	for of, want := range w.rows {
		sort.Strings(want)
		if got := w.ids(of); !slices.Equal(got, want) {
			w.t.Errorf("%s has rows %v, want %v", of, got, want)
		}
	}
}

// columns describes the columns of a log type's table.
func (w *world) columns(of ikada.LogType) string {
	w.t.Helper()
	table, err := w.inner.Table(ctx, of)
	w.check(err)
	for i := range table.Columns {
		table.Columns[i].Added = time.Time{}
	}
	return fmt.Sprint(table.Columns)
}

// start runs a stage until the test ends it.
func (w *world) start(l *load.Loader) (stop func()) {
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- l.Run(running) }()
	return func() {
		w.t.Helper()
		cancel()
		w.check(<-ended)
	}
}
