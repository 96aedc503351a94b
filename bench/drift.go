package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/ikada-io/ikada/internal/gen"
)

// driftEvery: of so many chunks one drifts.
const driftEvery = 10

// entryHead is the length of what stands before an entry's record: an array of
// two and an EventTime.
const entryHead = 11

// drifted is an event that was changed, as it was sent.
type drifted struct {
	tag    string
	record map[string]any
}

// driftTotals are what the tables must add up to after a round of traffic.
type driftTotals struct {
	seq, checksum int64
	samples       []drifted // some events of each way to drift
}

// changes are the ways to drift, which chunks take in turn. Each changes a
// record, of which n is a number's field and s a text's.
var changes = []func(r map[string]any, n, s string){
	func(r map[string]any, _, _ string) { r["drift_new"] = fmt.Sprint("new ", r["seq"]) },
	func(r map[string]any, _, _ string) { r["drift_null"] = nil },
	func(r map[string]any, n, _ string) { r[n] = 0.5 + float64(integer(r[n])%1000) },
	func(r map[string]any, n, _ string) { r[n] = "n/a" },
	func(r map[string]any, _, s string) { r[s] = map[string]any{"was": r[s]} },
	func(r map[string]any, _, s string) { r[strings.ToUpper(s)] = r[s]; delete(r, s) },
	func(r map[string]any, _, s string) { r[timeField(r, s)] = "23/11/2026 05:06" },
	func(r map[string]any, _, s string) { r[s] = fmt.Sprint(r[s], strings.Repeat("長", 100)) },
	func(r map[string]any, _, s string) { r[s] = []any{r[s], 1} },
}

// driftTraffic returns the same traffic with a drift in every tenth chunk, none
// in the first of a log type.
func driftTraffic(t traffic) (traffic, driftTotals, error) {
	drifting, totals := slices.Clone(t), driftTotals{}
	seen := map[string]int{}
	turn := 0
	for i := range drifting {
		c := &drifting[i]
		drifts := i%driftEvery == driftEvery-1 && seen[c.Tag] > 0
		seen[c.Tag]++
		changed, err := driftChunk(c, drifts, turn, &totals)
		if err != nil {
			return nil, totals, err
		}
		if drifts {
			c.Entries = changed
			turn++
		}
	}
	return drifting, totals, nil
}

func driftChunk(c *gen.Chunk, drifts bool, turn int, totals *driftTotals) (changed []byte, err error) {
	for rest, k := c.Entries, 0; len(rest) > 0; k++ {
		head := rest[:entryHead]
		var r map[string]any
		if r, rest, err = msgp.ReadMapStrIntfBytes(rest[entryHead:], nil); err != nil {
			return nil, fmt.Errorf("read an event: %w", err)
		}
		totals.seq += integer(r["seq"])
		totals.checksum += integer(r["checksum"])
		if !drifts {
			continue
		}
		n, s := fieldsOf(r)
		changes[turn%len(changes)](r, n, s)
		if k == c.N/2 && len(totals.samples) < 200 {
			totals.samples = append(totals.samples, drifted{c.Tag, r})
		}
		changed = append(changed, head...)
		if changed, err = msgp.AppendMapStrIntf(changed, r); err != nil {
			return nil, fmt.Errorf("write an event: %w", err)
		}
	}
	return changed, nil
}

// fieldsOf returns the first field with a number, and the first with a text.
func fieldsOf(r map[string]any) (n, s string) {
	names := make([]string, 0, len(r))
	for name := range r {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch v := r[name].(type) {
		case int64, uint64:
			if n == "" && name != "seq" && name != "checksum" {
				n = name
			}
		case string:
			if s == "" && !isTime(v) {
				s = name
			}
		}
	}
	if n == "" {
		n = "drift_number"
	}
	return n, s
}

// timeField returns a field with a time, or else the one given.
func timeField(r map[string]any, otherwise string) string {
	for name, v := range r {
		if text, ok := v.(string); ok && isTime(text) {
			return name
		}
	}
	return otherwise
}

func isTime(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
}

func integer(v any) int64 {
	switch v := v.(type) {
	case int64:
		return v
	case uint64:
		return int64(v)
	}
	return 0
}
