package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/internal/gen"
)

// patience is how long a demo waits without seeing any progress.
const patience = time.Minute

// firstFree returns a seq that no event in the tables has: the data directory
// may be that of an earlier demo. What that left on its way must land first.
func (d *demo) firstFree(ctx context.Context) (int, error) {
	began := time.Now()
	for {
		s, err := d.server.Status(ctx)
		if err != nil {
			return 0, err
		}
		if s.OldestUnloaded.IsZero() && s.Unknown() == "" {
			break
		}
		if time.Since(began) > patience {
			return 0, fmt.Errorf("events of an earlier run in %s do not get into their tables: look at `ikada status`, or give another --data", d.flags.data)
		}
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
	tables, err := d.tables(ctx)
	if err != nil {
		return 0, err
	}
	first := int64(0)
	for _, name := range gen.New(seed, gen.Options{}).Types() {
		if table := tables[name]; table != "" {
			row, err := d.numbers(ctx, "select coalesce(max(seq) + 1, 0) from "+table)
			if err != nil {
				return 0, err
			}
			first = max(first, row[0])
		}
	}
	return int(first), nil
}

// pause waits a moment between two looks.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}

// tables returns the tables that there are, by log type.
func (d *demo) tables(ctx context.Context) (map[string]string, error) {
	s, err := d.server.Status(ctx)
	if err != nil {
		return nil, err
	}
	tables := map[string]string{}
	for _, t := range s.Types {
		if t.Columns > 0 {
			tables[string(t.Type)] = t.Table
		}
	}
	return tables, nil
}

// await waits until all that was sent is in the tables.
func (d *demo) await(ctx context.Context) error {
	least, since := int64(-1), time.Now()
	for {
		missing, err := d.missing(ctx)
		if err != nil || missing == 0 {
			return err
		}
		if least < 0 || missing < least {
			least, since = missing, time.Now()
		}
		if time.Since(since) > patience {
			return fmt.Errorf("%s events of %s are in no table, and their number has not changed for %s: look at `ikada status`, and at the log",
				cli.Count(missing), cli.Count(d.traffic.sent), cli.Span(patience))
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// missing counts the events that are in no table.
func (d *demo) missing(ctx context.Context) (int64, error) {
	tables, err := d.tables(ctx)
	if err != nil {
		return 0, err
	}
	missing := int64(0)
	for name, want := range d.traffic.want {
		missing += want.Count
		if table := tables[name]; table != "" {
			row, err := d.numbers(ctx, fmt.Sprintf("select count(*) from %s where seq >= %d", table, d.traffic.first))
			if err != nil {
				return 0, err
			}
			missing -= min(row[0], want.Count)
		}
	}
	return missing, nil
}

// compare waits for the rows and compares every table with what was sent: the
// number of rows, that each is there once, and the sum of their checksums.
func (d *demo) compare(ctx context.Context) error {
	if err := d.await(ctx); err != nil {
		return err
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(d.traffic.want)) {
		want := d.traffic.want[name]
		row, err := d.numbers(ctx, fmt.Sprintf("select count(*), count(distinct seq), coalesce(sum(checksum), 0) from %s where seq >= %d",
			ikada.LogType(name).TableName(), d.traffic.first))
		if err != nil {
			return err
		}
		if row[0] != want.Count || row[1] != want.Count || row[2] != want.Checksum {
			wrong = append(wrong, fmt.Sprintf("%s has %d rows, %d distinct, checksum %d; sent were %d with %d", name, row[0], row[1], row[2], want.Count, want.Checksum))
		}
	}
	if len(wrong) > 0 {
		return errors.New("the tables are not what was sent: " + strings.Join(wrong, "; "))
	}
	fmt.Fprintf(d.out, "Compared: %s events of %d log types were sent, and every one is in its table once, with its checksum.\n", cli.Count(d.traffic.sent), len(d.traffic.want))
	return nil
}

// numbers runs a query whose result is one row of integers.
func (d *demo) numbers(ctx context.Context, sql string) ([]int64, error) {
	rows, err := d.server.Query(ctx, sql, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	defer func() { _ = rows.Close() }()
	row, err := rows.Next()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	if _, err := rows.Next(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one row: %w", sql, err)
	}
	return integers(sql, row)
}

func integers(sql string, row []json.RawMessage) ([]int64, error) {
	numbers := make([]int64, len(row))
	for i, v := range row {
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
		numbers[i] = n
	}
	return numbers, nil
}
