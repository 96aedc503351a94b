// Command bench measures Ikada on this machine, each figure beside a physical
// yardstick that is measured in the same run. docs/benchmarks.md tells what and
// how; `make bench` runs all of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ikada-io/ikada/internal/awstest"
	_ "github.com/ikada-io/ikada/internal/timerslack" // as in the program
)

// sections are the parts of a run, in order, by the names that -only takes.
var sections = []string{"ack", "archive", "queryable", "peers", "route", "load", "compact", "drift", "types", "lambda-buffer", "lambda-route", "lambda-load", "fresh"}

// options are what a run may vary.
type options struct {
	binary  string        // the program to measure
	otelcol string        // what to compare it with; empty: nothing
	dir     string        // where files go, to stay; empty: a directory for the time of the run
	only    []string      // of sections; all if empty
	events  int           // of each run from the socket, and of the sample
	rate    int           // events/s to send; 0: as fast as they go
	rounds  int           // of each comparison; the median counts
	fresh   time.Duration // of low traffic
	quickly bool          // a rehearsal: everything is small
}

func main() {
	var o options
	var only string
	flag.StringVar(&o.binary, "ikada", "bin/ikada", "the program to measure")
	flag.StringVar(&o.otelcol, "otelcol", "", "the OpenTelemetry Collector of tools/otelcol, to compare with; empty: nothing")
	flag.StringVar(&o.dir, "dir", "", "an existing directory for all files, which stay there; empty: one for the time of the run")
	flag.IntVar(&o.events, "events", 3_000_000, "events of each run")
	flag.IntVar(&o.rate, "rate", 0, "events/s to send; 0: as fast as they go")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each comparison; the median counts")
	flag.DurationVar(&o.fresh, "fresh", 40*time.Second, "how long to send at low traffic")
	flag.StringVar(&only, "only", "", "run some parts, separated by commas: "+strings.Join(sections, ", "))
	flag.BoolVar(&o.quickly, "quick", false, "run everything small, to see that it runs: the figures mean nothing")
	flag.Parse()
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	if o.quickly {
		o.events, o.rounds, o.fresh = 50_000, 1, 3*time.Second
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of everything.
type bench struct {
	options
	data     string // directory of all that is made
	progress io.Writer
	table    table
	physical []yardsticks // one a round
	sample   *sample      // once it is made
}

// run measures, tells its progress, and prints the table.
func run(ctx context.Context, o options, out, progress io.Writer) (err error) {
	for _, name := range o.only {
		if !slices.Contains(sections, name) {
			return fmt.Errorf("-only %s is unknown: want %s", name, strings.Join(sections, ", "))
		}
	}
	if slices.Contains(o.only, "peers") && o.otelcol == "" {
		return errors.New("-only peers wants -otelcol as well, to know where one is: make .tools/otelcol builds it")
	}
	b := &bench{options: o, progress: progress}
	// All files are kept to the end: for minutes after a removal, ext4 makes
	// new files slowly.
	if b.data, err = os.MkdirTemp(o.dir, "ikada-bench-"); err != nil {
		return fmt.Errorf("make a data directory: %w", err)
	}
	if o.dir == "" {
		defer func() { err = errors.Join(err, os.RemoveAll(b.data)) }()
	}
	awstest.KeepBuildsIn(b.data)
	for _, part := range []func(context.Context) error{b.pipeline, b.changing, b.lambdaBuffer, b.lambdaRoute, b.statements, b.freshness} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	b.addPhysical()
	if b.quickly {
		fmt.Fprintln(out, "A rehearsal: the figures mean nothing.")
	}
	_, err = io.WriteString(out, b.table.String())
	return err
}

func (b *bench) wants(section string) bool {
	return len(b.only) == 0 || slices.Contains(b.only, section)
}

// tell says what was measured so far.
func (b *bench) tell(format string, args ...any) {
	fmt.Fprintf(b.progress, format+"\n", args...)
}

// pipeline measures it from the socket, and its stages. These go first, since
// runs from the socket remove many files, too, but stand below in the table.
func (b *bench) pipeline(ctx context.Context) error {
	if err := b.stages(ctx); err != nil {
		return err
	}
	stages := b.table
	b.table = nil
	if err := b.sockets(ctx); err != nil {
		return err
	}
	if err := b.comparing(ctx); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	b.table = append(b.table, stages...)
	return nil
}

// changing measures what log types do to it that are many, wide, or drift.
func (b *bench) changing(ctx context.Context) error {
	if b.wants("drift") {
		if err := b.drifting(ctx); err != nil {
			return fmt.Errorf("drift: %w", err)
		}
	}
	if b.wants("types") {
		if err := b.manyTypes(ctx); err != nil {
			return fmt.Errorf("types: %w", err)
		}
	}
	return nil
}

// stages measures stages alone, on a sample that the pipeline has made.
func (b *bench) stages(ctx context.Context) error {
	if !b.wants("route") && !b.wants("load") && !b.wants("compact") {
		return nil
	}
	s, err := b.sampled(ctx)
	if err != nil {
		return err
	}
	if b.wants("route") {
		if err := b.routing(ctx, s); err != nil {
			return fmt.Errorf("route: %w", err)
		}
	}
	if b.wants("load") {
		if err := b.loading(ctx, s); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	if b.wants("compact") {
		if err := b.compacting(ctx, s); err != nil {
			return fmt.Errorf("compact: %w", err)
		}
	}
	return nil
}
