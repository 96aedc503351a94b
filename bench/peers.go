package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

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
		rounds := make([]float64, b.rounds)
		for n := range rounds {
			rounds[n] = others[i][n].cpu / own[n].cpu
		}
		b.table.add(name, figure, other.name+": "+medianPassage(others[i]).String(),
			fmt.Sprintf("%.1f × less CPU", median(rounds, func(r float64) float64 { return r })), "")
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
	addr, err := freeAddr()
	if err != nil {
		return p, err
	}
	config, file := filepath.Join(p.dir, "config.yaml"), filepath.Join(p.dir, "events")
	if err := os.WriteFile(config, fmt.Appendf(nil, peerConfig, addr, file, other.format), 0o644); err != nil {
		return p, err
	}
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, b.otelcol, "--config", config)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return p, fmt.Errorf("start %s: %w", b.otelcol, err)
	}
	defer func() {
		if cmd.ProcessState == nil {
			_, _ = cmd.Process.Kill(), cmd.Wait()
		}
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, log.String())
		}
	}()
	if err := untilListens(ctx, addr); err != nil {
		return p, err
	}
	syscall.Sync()
	before, err := proc.CPU(cmd.Process.Pid)
	if err != nil {
		return p, err
	}
	start := time.Now()
	if err := t.send(ctx, addr, b.events, b.rate); err != nil {
		return p, err
	}
	if p.peak, err = proc.Peak(cmd.Process.Pid); err != nil {
		return p, err
	}
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		return p, err
	}
	p.speed = float64(b.events) / time.Since(start).Seconds()
	state := cmd.ProcessState
	p.cpu = (state.UserTime() + state.SystemTime() - before).Seconds() / float64(b.events) * 1e6
	return p, checkPeer(other, file, b.events)
}

// freeAddr returns an address that nobody listens at.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
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

// checkPeer counts the events of a peer's file: messages, each behind its
// length and a Zstandard frame of its own.
func checkPeer(other peer, file string, want int) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		return err
	}
	defer z.Close()
	got := 0
	var message []byte
	for len(data) >= 4 {
		end := 4 + int(binary.BigEndian.Uint32(data))
		if end > len(data) {
			return fmt.Errorf("%s ends in a message", file)
		}
		if message, err = z.DecodeAll(data[4:end], message[:0]); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		n, err := other.count(message)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		got += n
		data = data[end:]
	}
	if got != want {
		return fmt.Errorf("%s has %d events, want %d", file, got, want)
	}
	return nil
}

// countJSON counts the log records of an OTLP message in JSON.
func countJSON(message []byte) (n int, err error) {
	var m struct {
		ResourceLogs []struct {
			ScopeLogs []struct {
				LogRecords []json.RawMessage `json:"logRecords"`
			} `json:"scopeLogs"`
		} `json:"resourceLogs"`
	}
	err = json.Unmarshal(message, &m)
	for _, r := range m.ResourceLogs {
		for _, s := range r.ScopeLogs {
			n += len(s.LogRecords)
		}
	}
	return n, err
}

// countProto counts those of one in Protocol Buffers: LogsData has
// ResourceLogs (1), which have ScopeLogs (2), which have LogRecords (2).
func countProto(message []byte) (int, error) { return countFields(message, 1, 2, 2) }

// countFields counts the fields that a path of numbers leads to.
func countFields(message []byte, path ...protowire.Number) (n int, err error) {
	if len(path) == 0 {
		return 1, nil
	}
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeField(message)
		if size < 0 {
			return n, protowire.ParseError(size)
		}
		if number == path[0] && kind == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(message)
			inner, _ := protowire.ConsumeBytes(message[tag:])
			more, err := countFields(inner, path[1:]...)
			if n += more; err != nil {
				return n, err
			}
		}
		message = message[size:]
	}
	return n, nil
}
