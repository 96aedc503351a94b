package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/history"
	"github.com/ikada-io/ikada/internal/gen"
)

// Of the run with many log types, and of the wide table.
const (
	manyTypesN  = 2000
	typeChunk   = 100 // events
	wideColumns = 1000
	wideRows    = 5000
)

// manyTypes sends events of 2,000 log types at once, and then rows of 1,000
// fields, and asks how long `ikada types` takes.
func (b *bench) manyTypes(ctx context.Context) error {
	types, chunks := manyTypesN, 2
	if b.quickly {
		types, chunks = 100, 1
	}
	var t traffic
	events := 0
	for range chunks {
		for i := range types {
			t = append(t, plainChunk(fmt.Sprintf("many.t%04d", i), events, typeChunk, 10))
			events += typeChunk
		}
	}
	var listing []time.Duration
	files := 0
	p, err := b.passOf(ctx, t, events, func(ctx context.Context, s *server) (err error) {
		listing, err = b.askTypes(ctx, s, types)
		for _, bucket := range []string{"buffer", "archive", "manifests"} {
			files += countFiles(filepath.Join(s.dir, bucket))
		}
		return err
	})
	if err != nil {
		return err
	}
	list := median(listing, func(d time.Duration) time.Duration { return d })
	b.table.add(fmt.Sprintf("%s log types at once", thousands(float64(types))), p.String(),
		fmt.Sprintf("%s files in the buckets", thousands(float64(files))), fmt.Sprintf("`ikada types`: %d ms", list.Milliseconds()),
		target("≤ 1 s", list <= time.Second))
	rows := wideRows
	if b.quickly {
		rows /= 10
	}
	wide, err := b.passOf(ctx, traffic{plainChunk("wide.table", 0, rows/5, wideColumns-2), plainChunk("wide.table", rows/5, rows*4/5, wideColumns-2)},
		rows, func(ctx context.Context, s *server) error { return checkWide(ctx, s, rows) })
	if err != nil {
		return fmt.Errorf("a table of %d columns: %w", wideColumns, err)
	}
	b.table.add(fmt.Sprintf("a table of %s columns", thousands(wideColumns)), wide.String(), fmt.Sprintf("%s rows", thousands(float64(rows))), "", "")
	return nil
}

// passOf is passTimed for traffic that is sent once.
func (b *bench) passOf(ctx context.Context, t traffic, events int, check func(context.Context, *server) error) (passage, error) {
	before := b.events
	defer func() { b.events = before }()
	b.events = events
	return b.passTimed(ctx, way{section: "types", last: "load", check: func(ctx context.Context, s *server) error {
		if err := s.checkRows(ctx, int64(events)); err != nil {
			return err
		}
		return check(ctx, s)
	}}, t)
}

func (b *bench) askTypes(ctx context.Context, s *server, want int) (all []time.Duration, err error) {
	for range 5 {
		var found history.Types
		start := time.Now()
		if err := s.client.Ask(ctx, "/v1/types", &found); err != nil {
			return nil, err
		}
		all = append(all, time.Since(start))
		types, rows := 0, int64(0)
		for i := range found.Types {
			if found.Types[i].Type != ikada.Quarantine {
				types, rows = types+1, rows+found.Types[i].Rows
			}
		}
		if types != want || rows != int64(b.events) {
			return nil, fmt.Errorf("it tells of %d log types and %d rows, want %d and %d", types, rows, want, b.events)
		}
	}
	return all, nil
}

func checkWide(ctx context.Context, s *server, rows int) error {
	var d history.Detail
	if err := s.client.Ask(ctx, "/v1/types/wide.table", &d); err != nil {
		return err
	}
	got, err := s.query(ctx, fmt.Sprintf("SELECT sum(f%d)::BIGINT FROM wide_table", wideColumns-3))
	if err != nil {
		return err
	}
	want, _ := json.Marshal(int64(rows) * int64(rows-1) / 2)
	if d.Columns != wideColumns || len(got) != 1 || string(got[0]) != string(want) {
		return fmt.Errorf("it has %d columns, and the last adds up to %s, want %s", d.Columns, got, want)
	}
	return nil
}

// plainChunk makes events of a few or many fields. Each number is the event's.
func plainChunk(tag string, first, n, fields int) gen.Chunk {
	c := gen.Chunk{Tag: tag, N: n}
	at := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC).Unix()
	for i := range n {
		c.Entries = msgp.AppendArrayHeader(c.Entries, 2)
		c.Entries = msgp.AppendInt64(c.Entries, at+int64(i))
		c.Entries = msgp.AppendMapHeader(c.Entries, uint32(fields+2))
		c.Entries = msgp.AppendString(msgp.AppendString(c.Entries, "host"), "web-"+strings.Repeat("x", i%7))
		c.Entries = msgp.AppendFloat64(msgp.AppendString(c.Entries, "took"), float64(i)/8)
		for f := range fields {
			c.Entries = msgp.AppendInt64(msgp.AppendString(c.Entries, fmt.Sprintf("f%d", f)), int64(first+i))
		}
	}
	return c
}

// countFiles counts the files below a directory.
func countFiles(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return nil // what is deleted meanwhile is none
	})
	return n
}
