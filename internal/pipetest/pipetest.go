// Package pipetest is a pipeline in memory that a test moves step by step: what
// it sends becomes bundles, archive files, and rows.
package pipetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/archive"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/buffer"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/route"
	streammem "github.com/ikada-io/ikada/stream/mem"
	"github.com/ikada-io/ikada/warehouse"
	warehousemem "github.com/ikada-io/ikada/warehouse/mem"
)

// Arrival is when everything arrives, and is routed: some days ago, so that what
// follows takes it for settled.
var Arrival = time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)

// World is a pipeline.
type World struct {
	T                          testing.TB
	Buffer, Archive, Manifests bucket.Bucket
	View                       *archive.View
	Warehouse                  warehouse.Warehouse
	Sent                       map[ikada.LogType]int
	ByDay                      func(ikada.LogType) bool // how the archive is partitioned; nil: by hour

	stream *streammem.Stream
	chunk  int
}

// New returns a pipeline with everything in memory.
func New(t testing.TB) *World {
	w := &World{T: t, Buffer: mem.New(), Manifests: mem.New(), stream: streammem.New(streammem.Options{Shards: 1}), Sent: map[ikada.LogType]int{}}
	w.SetArchive(mem.New())
	w.Warehouse = warehousemem.New(w.View)
	return w
}

// SetArchive chooses another archive bucket, before anything is sent.
func (w *World) SetArchive(b bucket.Bucket) { w.Archive, w.View = b, archive.NewView(b) }

// Check ends the test at an error.
func (w *World) Check(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Send sends records of a log type, JSON each, and archives them by one plan.
func (w *World) Send(of ikada.LogType, records ...string) {
	w.T.Helper()
	w.Append(of, records...)
	w.Route()
}

// Append sends records, which stay in the stream.
func (w *World) Append(of ikada.LogType, records ...string) {
	w.T.Helper()
	w.chunk++
	payload := []byte(strings.Join(records, "\n") + "\n")
	w.AppendPart(batch.Part{
		Tag: string(of), Format: batch.JSON, Origin: "test", Payload: payload,
		Key: batch.KeyOf(string(of), fmt.Append(nil, w.chunk), payload, 0),
	})
	w.Sent[of] += len(records)
}

// AppendPart sends a part that arrives as everything does, in a message of its own.
func (w *World) AppendPart(p batch.Part) {
	w.T.Helper()
	p.Arrival = Arrival.UnixNano()
	w.Check(w.stream.Append(context.Background(), 0, batch.Append(nil, &p)))
}

// Route archives what the stream holds.
func (w *World) Route() {
	w.T.Helper()
	b := buffer.New(w.stream, w.Buffer, buffer.Options{})
	b.Drain()
	w.Check(b.Run(context.Background()))
	_, err := w.Router().Once(context.Background())
	w.Check(err)
}

// Router returns a route stage whose clock stands at Arrival.
func (w *World) Router() *route.Router {
	return route.New(w.Buffer, w.Archive, w.Manifests, route.Options{ByDay: w.ByDay, Now: func() time.Time { return Arrival }})
}

// Load loads what waits.
func (w *World) Load() {
	w.T.Helper()
	w.Check(w.Loader().Once(context.Background()))
}

// Loader returns a load stage as a process that starts anew has it.
func (w *World) Loader() *load.Loader {
	return load.New(w.Buffer, w.Manifests, w.Warehouse, load.Options{Archive: w.View})
}

// Objects returns the sizes of a bucket's objects.
func (w *World) Objects(b bucket.Bucket, prefix string) map[string]int64 {
	w.T.Helper()
	all := map[string]int64{}
	for info, err := range b.List(context.Background(), prefix, "") {
		w.Check(err)
		all[info.Key] = info.Size
	}
	return all
}
