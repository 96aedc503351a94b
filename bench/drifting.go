package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada/history"
)

// driftTarget is how many times the CPU of the same events without drift those
// with it may take: so throughput stays within 20 %.
const driftTarget = 1.25

// drifting compares traffic with a drift in every tenth chunk with the same
// traffic without, in turn.
func (b *bench) drifting(ctx context.Context) error {
	t := makeTraffic(min(b.events, roundEvents), roundEvents, chunkEvents)
	d, totals, err := driftTraffic(t)
	if err != nil {
		return err
	}
	var plain, drift []passage
	for range b.rounds {
		for _, one := range []struct {
			traffic traffic
			to      *[]passage
			check   func(context.Context, *server) error
		}{{t, &plain, nil}, {d, &drift, func(ctx context.Context, s *server) error { return b.checkDrift(ctx, s, totals) }}} {
			p, err := b.passTimed(ctx, way{section: "drift", last: "load", check: one.check}, one.traffic)
			if err != nil {
				return err
			}
			b.tell("drift: %d of %d runs, %s", len(plain)+len(drift)+1, 2*b.rounds, p)
			*one.to = append(*one.to, p)
		}
	}
	cpu := func(p passage) float64 { return p.cpu }
	times := ratio(drift, plain, cpu)
	b.table.add("a drift in every 10th chunk → queryable", fmt.Sprintf("%.2f CPU-s/M", median(drift, cpu)),
		fmt.Sprintf("without drift: %.2f CPU-s/M", median(plain, cpu)), fmt.Sprintf("%.2f × its CPU", times),
		target(fmt.Sprintf("≤ %.2f ×", driftTarget), times <= driftTarget))
	return nil
}

// checkDrift compares rows with events: their number, sums, and some of those
// that drifted field by field. Each log type must have recorded its drifts.
func (b *bench) checkDrift(ctx context.Context, s *server, want driftTotals) error {
	if err := s.checkRows(ctx, int64(b.events)); err != nil {
		return err
	}
	if rounds := int64(b.events / roundEvents); b.events%roundEvents == 0 {
		sums, err := s.union(ctx, "SELECT sum(seq) AS s, sum(checksum) AS c FROM %s")
		if err != nil {
			return err
		}
		got, err := s.query(ctx, "SELECT sum(s)::VARCHAR || ' ' || sum(c)::VARCHAR FROM ("+sums+")")
		if err != nil {
			return err
		}
		if text := fmt.Sprintf(`"%d %d"`, want.seq*rounds, want.checksum*rounds); len(got) != 1 || string(got[0]) != text {
			return fmt.Errorf("the tables add up to %s, the events to %s", got, text)
		}
	}
	if err := b.checkRecorded(ctx, s); err != nil {
		return err
	}
	for _, sample := range want.samples {
		if err := s.checkEvent(ctx, sample); err != nil {
			return err
		}
	}
	return nil
}

// checkRecorded looks for recorded drifts. Of few events all may be in the first
// manifest of their log type, which is none.
func (b *bench) checkRecorded(ctx context.Context, s *server) error {
	var found history.Types
	if err := s.client.Ask(ctx, "/v1/types", &found); err != nil {
		return err
	}
	types, drifts := 0, 0
	for i := range found.Types {
		if n := found.Types[i].Drifts; n > 0 {
			types, drifts = types+1, drifts+n
		}
	}
	b.tell("drift: %d drifts of %d log types are recorded", drifts, types)
	if drifts == 0 && !b.quickly {
		return errors.New("no drift is recorded")
	}
	return nil
}

// checkEvent compares an event with its row: every value is in its column or in
// _rest, and nothing else is.
func (s *server) checkEvent(ctx context.Context, sent drifted) error {
	var d history.Detail
	if err := s.client.Ask(ctx, "/v1/types/"+url.PathEscape(sent.tag), &d); err != nil {
		return err
	}
	fields := map[string]string{}
	for i := range d.Fields {
		fields[d.Fields[i].Column] = d.Fields[i].Field.Field
	}
	rows, err := s.client.Query(ctx, fmt.Sprintf(`SELECT * FROM "%s" WHERE seq = %d`, d.Table, integer(sent.record["seq"])), 1)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	row, err := rows.Next()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("event %v of %s is in no table", sent.record["seq"], sent.tag)
	}
	if err != nil {
		return err
	}
	got := map[string]any{}
	for i, name := range rows.Columns {
		if field, ok := fields[name]; ok && string(row[i]) != "null" { // or it is in _rest
			got[field] = comparable(row[i])
		} else if name == "_rest" && string(row[i]) != "null" {
			rest := map[string]json.RawMessage{}
			if err := json.Unmarshal(row[i], &rest); err != nil {
				return err
			}
			for field, v := range rest {
				got[field] = comparable(v)
			}
		}
	}
	for field, v := range sent.record {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if want := comparable(text); !reflect.DeepEqual(got[field], want) {
			return fmt.Errorf("event %v of %s: field %q is %v, was sent as %v", sent.record["seq"], sent.tag, field, got[field], want)
		}
		delete(got, field)
	}
	for field, v := range got {
		if v != nil {
			return fmt.Errorf("event %v of %s: field %q was never sent, and is %v", sent.record["seq"], sent.tag, field, v)
		}
	}
	return nil
}

// comparable reads JSON so that equal values compare equal: numbers by value,
// times by moment.
func comparable(text json.RawMessage) any {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(text)
	}
	return plainValue(v)
}

func plainValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(string(v), 64); err == nil {
			if f == float64(int64(f)) {
				return int64(f)
			}
			return f
		}
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return at.UnixMicro()
		}
	case map[string]any:
		for key, inner := range v {
			v[key] = plainValue(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = plainValue(inner)
		}
	}
	return v
}
