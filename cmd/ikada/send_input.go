package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/ikada-io/ikada/internal/cli"
)

// chunkSender is what forwardclient.Client is to input.
type chunkSender interface {
	Send(ctx context.Context, tag string, entries []byte, n int) error
}

// input turns lines into chunks of entries and sends them: by size, and each
// second, so that what trickles in is not held back.
type input struct {
	client   chunkSender
	tag      string
	complain io.Writer
	progress progress
	bad      int64
	told     int // bad lines of this file that were told

	mu      sync.Mutex // of the chunk
	entries []byte
	n       int
	err     error // of a chunk sent by the clock
}

const (
	chunkBytes = 1 << 20
	chunkAge   = time.Second
	maxLine    = 64 << 20
)

func newInput(client chunkSender, tag string, complain io.Writer, p progress) *input {
	return &input{client: client, tag: tag, complain: complain, progress: p}
}

// files sends all files, then what is left.
func (in *input) files(ctx context.Context, names []string, stdin io.Reader) error {
	ticking, stop := context.WithCancel(ctx)
	var clock sync.WaitGroup
	clock.Go(func() { in.tick(ticking) })
	var err error
	for _, name := range names {
		if err = in.file(ctx, name, stdin); err != nil {
			break
		}
	}
	stop()
	clock.Wait()
	in.mu.Lock()
	defer in.mu.Unlock()
	return errors.Join(err, in.flush(ctx))
}

func (in *input) file(ctx context.Context, name string, stdin io.Reader) error {
	if name == "-" {
		return in.lines(ctx, "standard input", stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer func() { _ = f.Close() }()
	return in.lines(ctx, name, f)
}

func (in *input) lines(ctx context.Context, name string, r io.Reader) error {
	in.told = 0
	buffered := bufio.NewReader(r)
	if how := unpack(buffered); how != "" {
		return fmt.Errorf("%s is compressed: send what it holds: %s FILE | ikada send --type %s", name, how, in.tag)
	}
	scan := bufio.NewScanner(buffered)
	scan.Buffer(make([]byte, 0, 256<<10), maxLine)
	line := 0
	for scan.Scan() {
		line++
		in.progress.add(len(scan.Bytes()) + 1)
		text := bytes.TrimSpace(scan.Bytes())
		if len(text) == 0 {
			continue
		}
		why, err := in.add(ctx, text)
		if err != nil {
			return err
		}
		if why != nil {
			in.bad++
			in.tell(name, line, why)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: the line is longer than %s: cut it up, or remove it", name, line+1, cli.Size(maxLine))
	}
	if err := scan.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// maxTold bounds what is told of the bad lines of a file.
const maxTold = 20

func (in *input) tell(name string, line int, why error) {
	switch in.told++; {
	case in.told <= maxTold:
		in.progress.print(in.complain, fmt.Sprintf("%s:%d: %v", name, line, why))
	case in.told == maxTold+1:
		in.progress.print(in.complain, name+": further bad lines are only counted")
	}
}

// unpack returns the command that unpacks what is read, if it is compressed: no
// line of JSON begins with these bytes.
func unpack(r *bufio.Reader) string {
	begin, err := r.Peek(1)
	switch {
	case err != nil: // the scanner meets it too
	case begin[0] == 0x1f:
		return "gunzip -c"
	case begin[0] == 0x28:
		return "zstd -dc"
	}
	return ""
}

// add puts a line into the chunk. why tells what is wrong with the line.
func (in *input) add(ctx context.Context, line []byte) (why, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err != nil {
		return nil, in.err
	}
	entries, why := appendEntry(in.entries, line, time.Now().UnixNano())
	if why != nil {
		return why, nil
	}
	in.entries = entries
	in.n++
	if len(in.entries) >= chunkBytes {
		return nil, in.flush(ctx)
	}
	return nil, nil
}

// flush sends the chunk. mu is held.
func (in *input) flush(ctx context.Context) error {
	if in.n == 0 || in.err != nil {
		return in.err
	}
	in.err = in.client.Send(ctx, in.tag, in.entries, in.n)
	in.entries, in.n = in.entries[:0], 0
	return in.err
}

func (in *input) tick(ctx context.Context) {
	tick := time.NewTicker(chunkAge)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			in.mu.Lock()
			_ = in.flush(ctx) // kept in err, which add and files return
			in.mu.Unlock()
		}
	}
}
