package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/forwardclient"
	"github.com/ikada-io/ikada/internal/cli"
	"github.com/ikada-io/ikada/internal/endpoints"
	"github.com/ikada-io/ikada/internal/gen"
)

// demoFlags is what a demo is like.
type demoFlags struct {
	data, forward, http string
	rate, burst         int
	duration            time.Duration
	once                bool
}

func (a *app) demo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole pipeline with realistic traffic",
		Long: `Run the whole pipeline, as ` + "`ikada up`" + ` does, and send it the traffic of 30 log
types over the Forward protocol: first a burst of history of the last three hours,
then live events until interrupted.

At the end the rows of every table are compared with what was sent: the exit code
is 0 only if every event is there once, and unchanged.`,
		Example: `  ikada demo
  ikada demo --rate 20000 --duration 1m
  ikada demo --once`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.rate < 1 || f.burst < 0 || f.duration < 0 {
				return usage("want --rate of at least 1, and --burst and --duration of at least 0")
			}
			return a.runDemo(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", "", "data directory (default ./ikada-demo; with --once one that is removed at the end)")
	flags.StringVar(&f.forward, "forward", "", "`address` to listen on for the Forward protocol (default as for ikada up, or any port if that is taken)")
	flags.StringVar(&f.http, "http", "", "where to listen for HTTP (likewise)")
	flags.IntVar(&f.rate, "rate", 5000, "live events a second")
	flags.IntVar(&f.burst, "burst", 200_000, "events of history")
	flags.DurationVar(&f.duration, "duration", 0, "how long to send live events (0: until interrupted)")
	flags.BoolVar(&f.once, "once", false, "end when the burst is in the tables")
	return cmd
}

// demoConfig is the default configuration, whatever file or environment there
// is, but for the flags of the demo.
func demoConfig(f *demoFlags) (*config.Config, error) {
	return config.Load(os.DevNull, nil, map[string]string{
		"data":      f.data,
		"forward":   cmp.Or(f.forward, free("127.0.0.1:24224")),
		"http":      cmp.Or(f.http, free("127.0.0.1:8080")),
		"log-level": "warn",
	})
}

// free returns an address, with any port if its own is taken.
func free(addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = l.Close()
	return addr
}

// runDemo runs a pipeline around the traffic.
func (a *app) runDemo(ctx context.Context, f *demoFlags) (err error) {
	switch {
	case f.data == "" && f.once:
		if f.data, err = os.MkdirTemp("", "ikada-demo-"); err != nil {
			return fmt.Errorf("make a data directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(f.data)) }()
	case f.data == "":
		f.data = "./ikada-demo"
	}
	cfg, err := demoConfig(f)
	if err != nil {
		return err
	}
	logTo := a.err
	if _, ok := terminal(a.err); ok {
		logTo = aside{a.err}
	}
	p, err := a.open(ctx, cfg, newLog(logTo, cfg.Log))
	if err != nil {
		return err
	}
	// The pipeline outlives an interrupt, so that the end can be looked at.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	alive, fail := context.WithCancelCause(running)
	ended := make(chan error, 1)
	go func() {
		err := p.Run(running)
		fail(fmt.Errorf("the pipeline has ended: %w", cmp.Or(err, context.Canceled)))
		ended <- err
	}()
	err = a.play(ctx, alive, f, p.Endpoints())
	stop()
	return errors.Join(err, <-ended)
}

// demo is a running demo.
type demo struct {
	*app
	flags   *demoFlags
	server  *cli.Client
	traffic *traffic
}

// play sends traffic until ctx ends, and compares what has become of it. alive
// ends with the pipeline.
func (a *app) play(ctx, alive context.Context, f *demoFlags, at endpoints.Endpoints) error {
	if at.Forward == "" || at.HTTP == "" {
		return usage("the demo wants both --forward and --http")
	}
	server, err := cli.NewClient(at.HTTP, "")
	if err != nil {
		return err
	}
	d := &demo{app: a, flags: f, server: server}
	fmt.Fprintf(a.out, "Ikada runs: Forward %s, page %s, data %s\n", at.Forward, at.HTTP, f.data)
	first, err := d.firstFree(alive)
	if err != nil {
		return err
	}
	client, err := forwardclient.Dial(alive, at.Forward, forwardclient.Options{InFlight: 16})
	if err != nil {
		return err
	}
	d.traffic = newTraffic(client, first)
	err = d.perform(ctx, alive)
	closing, cancel := context.WithTimeout(alive, patience)
	defer cancel()
	if err = errors.Join(err, client.Close(closing)); err != nil {
		return err
	}
	return d.compare(alive)
}

// perform is the burst of history, and then live traffic.
func (d *demo) perform(ctx, alive context.Context) error {
	began := time.Now()
	if err := d.burst(ctx, alive); err != nil || ctx.Err() != nil {
		return err
	}
	if err := d.traffic.client.Flush(alive); err != nil {
		return err
	}
	acknowledged := time.Since(began)
	if err := d.await(alive); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s events of %d log types, three hours of history: acknowledged after %.1f s, in their tables after %.1f s.\n",
		cli.Count(d.traffic.sent), len(d.traffic.want), acknowledged.Seconds(), time.Since(began).Seconds())
	if d.flags.once {
		return nil
	}
	if err := d.suggest(ctx); err != nil {
		return err
	}
	if d.flags.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.flags.duration)
		defer cancel()
	}
	return d.live(ctx, alive)
}

// burst sends the history.
func (d *demo) burst(ctx, alive context.Context) error {
	const span = 3 * time.Hour
	g := gen.New(seed, gen.Options{Events: max(d.flags.burst, 1), Start: time.Now().Add(-span), Span: span})
	show := d.line(time.Second)
	for left := d.flags.burst; left > 0 && ctx.Err() == nil; {
		n := min(left, 10_000)
		if err := d.traffic.send(alive, g, n); err != nil {
			return err
		}
		left -= n
		show.print(fmt.Sprintf("sending history: %s of %s events", cli.Count(d.traffic.sent), cli.Count(int64(d.flags.burst))), left == 0)
	}
	show.end()
	return nil
}

// live sends events at the rate wanted until ctx ends.
func (d *demo) live(ctx, alive context.Context) error {
	g := gen.New(seed, gen.Options{Live: true})
	const step = 100 * time.Millisecond
	tick := time.NewTicker(step)
	defer tick.Stop()
	began, start := time.Now(), d.traffic.sent
	show := d.line(10 * time.Second)
	defer show.end()
	looked := began
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-alive.Done():
			return context.Cause(alive)
		case <-tick.C:
		}
		// What is due since the beginning, so that a slow moment is made up for.
		due := int64(time.Since(began).Seconds()*float64(d.flags.rate)) - (d.traffic.sent - start)
		if due > 0 {
			if err := d.traffic.send(alive, g, int(min(due, int64(d.flags.rate)))); err != nil {
				return err
			}
		}
		if time.Since(looked) >= time.Second {
			looked = time.Now()
			if text, err := d.now(ctx); err == nil { // or ctx ends, which is seen above
				show.print(text, false)
			}
		}
	}
}

// seed makes every demo the same.
const seed = 1
