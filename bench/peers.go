package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/internal/proc"
)

// peer is another program that brings the same traffic from the socket into
// files: the OpenTelemetry Collector, with nothing between its receiver of the
// Forward protocol and its exporter, which is the least that it can do. It
// acknowledges a chunk without a sync.
type peer struct {
	name   string
	format string // of the exporter
	count  func(message []byte) (events int, err error)
}

var peers = []peer{
	{"OpenTelemetry Collector, JSON in zstd", "json", countJSON},
	{"OpenTelemetry Collector, Protocol Buffers in zstd", "proto", countProto},
}

// comparing runs Ikada and its peers in turn.
func (b *bench) comparing(ctx context.Context) error {
	if !b.wants("peers") {
		return nil
	}
	if b.otelcol == "" {
		b.tell("peers: left out, since -otelcol does not tell where one is")
		return nil
	}
	var own []passage
	others := make([][]passage, len(peers))
	t := makeTraffic(min(b.events, roundEvents), roundEvents, chunkEvents)
	for range b.rounds {
		p, err := b.passTimed(ctx, way{section: "peers", last: "route", flags: noWarehouse}, t)
		if err != nil {
			return fmt.Errorf("ikada: %w", err)
		}
		b.tell("%-50s %s", "Ikada", p)
		own = append(own, p)
		for i, other := range peers {
			p, err := b.passPeer(ctx, other, t)
			if err != nil {
				return fmt.Errorf("%s: %w", other.name, err)
			}
			b.tell("%-50s %s", other.name, p)
			others[i] = append(others[i], p)
		}
	}
	name, figure := "socket → files", medianPassage(own).String()
	for i, other := range peers {
		b.table.add(name, figure, other.name+": "+medianPassage(others[i]).String(),
			fmt.Sprintf("%.1f × less CPU", ratio(others[i], own, func(p passage) float64 { return p.cpu })), "")
		name, figure = "", ""
	}
	return nil
}

const peerConfig = `receivers: {fluent_forward: {endpoint: %q}}
exporters: {file: {path: %q, format: %s, compression: zstd}}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {logs: {receivers: [fluent_forward], exporters: [file]}}
`

// passPeer sends events to a peer, ends it in good order, and counts what is
// in its file.
func (b *bench) passPeer(ctx context.Context, other peer, t traffic) (p passage, err error) {
	if p.dir, err = os.MkdirTemp(b.data, "peer-"); err != nil {
		return p, err
	}
	c, err := b.startCollector(ctx, p.dir, other.format)
	if err != nil {
		return p, err
	}
	defer kill(c.cmd)
	syscall.Sync()
	before, err := proc.CPU(c.cmd.Process.Pid)
	if err != nil {
		return p, err
	}
	start := time.Now()
	if err := t.send(ctx, c.addr, b.events, b.rate); err != nil {
		return p, fmt.Errorf("%w\n%s", err, c.log.String())
	}
	if p.peak, err = proc.Peak(c.cmd.Process.Pid); err != nil {
		return p, err
	}
	if err := errors.Join(c.cmd.Process.Signal(syscall.SIGTERM), c.cmd.Wait()); err != nil {
		return p, fmt.Errorf("stop: %w\n%s", err, c.log.String())
	}
	p.speed = float64(b.events) / time.Since(start).Seconds()
	used := c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime() - before
	p.cpu = used.Seconds() / float64(b.events) * 1e6
	return p, checkOTLP(c.file, other.count, b.events)
}

// collector is an OpenTelemetry Collector that runs.
type collector struct {
	cmd        *exec.Cmd
	addr, file string // where it listens, and what it writes
	log        bytes.Buffer
}

func (b *bench) startCollector(ctx context.Context, dir, format string) (*collector, error) {
	addr, err := awstest.FreeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config.yaml")
	c := &collector{cmd: exec.CommandContext(ctx, b.otelcol, "--config", config), addr: addr, file: filepath.Join(dir, "events")}
	if err := os.WriteFile(config, fmt.Appendf(nil, peerConfig, addr, c.file, format), 0o644); err != nil {
		return nil, err
	}
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", b.otelcol, err)
	}
	if err := untilListens(ctx, addr); err != nil {
		kill(c.cmd)
		return nil, fmt.Errorf("%w\n%s", err, c.log.String())
	}
	return c, nil
}

func untilListens(ctx context.Context, addr string) error {
	for range 200 {
		var d net.Dialer
		if conn, err := d.DialContext(ctx, "tcp", addr); err == nil {
			return conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("nobody listens at %s", addr)
}
