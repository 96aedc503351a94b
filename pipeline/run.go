package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ikada-io/ikada/api"
)

// Run serves until ctx ends, then drains in the order of the pipeline: senders
// get their answers, the stream becomes bundles, they become archive files,
// and those become rows. What does not fit the time limit is on disk and goes on
// at the next start.
func (p *Pipeline) Run(ctx context.Context) error {
	if err := p.Endpoints().Write(p.cfg.Data); err != nil {
		return errors.Join(err, p.close())
	}
	// The stages outlive ctx: they have to drain.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	stages := p.start(work)
	p.state.Store(api.Running)

	serving, unserve := context.WithCancel(ctx)
	defer unserve()
	go func() { // a stage that gives up takes the inputs with it
		select {
		case <-stages.failed:
			unserve()
		case <-serving.Done():
		}
	}()
	began := make(chan time.Time, 1)
	defer context.AfterFunc(serving, func() {
		began <- time.Now()
		p.state.Store(api.Draining)
		p.log.Info("draining", "limit", p.cfg.Shutdown.Timeout)
	})()
	err := p.inputs.run(serving, p.cfg.Shutdown.Timeout/3)
	if err == nil {
		err = p.drain(ctx, stages, <-began)
	}
	stop()
	return errors.Join(err, p.end(stages))
}

// end waits for the stages and closes everything. No limit holds for that: the
// database writes its log into its tables, which may take seconds.
func (p *Pipeline) end(s *stages) error {
	start := time.Now()
	err := errors.Join(s.wait(), p.close())
	p.log.Info("closed", "took", time.Since(start).Round(time.Millisecond))
	return err
}

// stages are the goroutines of the stages.
type stages struct {
	group  *errgroup.Group
	failed <-chan struct{} // closed when one of them returned an error
	buffer chan struct{}   // closed when the buffer stage has returned

	stopRoute, stopLoad context.CancelFunc
	route, load         chan struct{}
}

// start runs the stages.
func (p *Pipeline) start(ctx context.Context) *stages {
	group, ctx := errgroup.WithContext(ctx)
	s := &stages{group: group, failed: ctx.Done(), buffer: make(chan struct{}), route: make(chan struct{}), load: make(chan struct{})}
	routing, stopRoute := context.WithCancel(ctx)
	loading, stopLoad := context.WithCancel(ctx)
	s.stopRoute, s.stopLoad = stopRoute, stopLoad
	run := func(done chan struct{}, ctx context.Context, run func(context.Context) error) {
		group.Go(func() error {
			if done != nil {
				defer close(done)
			}
			if err := run(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	run(s.load, loading, func(ctx context.Context) error {
		if p.loader == nil {
			return nil
		}
		return p.loader.Run(ctx)
	})
	run(s.route, routing, p.router.Run)
	run(s.buffer, ctx, p.buffer.Run)
	run(nil, ctx, func(ctx context.Context) error {
		select {
		case <-p.buffer.Ready():
		case <-ctx.Done():
		}
		return p.batcher.Run(ctx)
	})
	run(nil, ctx, p.rates.Run)
	run(nil, ctx, p.runAudits)
	run(nil, ctx, p.runRetention)
	run(nil, ctx, p.runCompaction)
	return s
}

func (s *stages) wait() error {
	s.stopRoute()
	s.stopLoad()
	return s.group.Wait()
}

// drain brings what was accepted into the tables, within what the inputs left
// of the time since the shutdown began.
func (p *Pipeline) drain(ctx context.Context, s *stages, began time.Time) error {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), began.Add(p.cfg.Shutdown.Timeout))
	defer cancel()
	p.buffer.Drain()
	select {
	case <-s.buffer:
	case <-ctx.Done():
	}
	s.stopRoute()
	<-s.route
	_, err := p.router.Once(ctx)
	s.stopLoad()
	<-s.load
	if err == nil && p.loader != nil {
		err = p.loader.Once(ctx)
	}
	if ctx.Err() != nil {
		p.log.Warn("not everything was drained in time: the rest is on disk and goes on at the next start", "took", time.Since(began).Round(time.Millisecond))
		return nil
	}
	if err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	p.log.Info("drained", "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// ready tells why no logs are taken, or nil.
func (p *Pipeline) ready() error {
	switch state := p.state.Load().(api.State); {
	case state == api.Starting:
		return errors.New("starting")
	case state == api.Draining:
		return errors.New("shutting down")
	case p.batcher.Full():
		return errors.New("the stream is full: waiting for its backlog to become bundles")
	}
	select {
	case <-p.buffer.Ready():
		return nil
	default:
		return errors.New("starting: comparing the stream with its newest bundles")
	}
}
