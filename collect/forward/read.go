package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/collect/internal/msgpack"
)

// errBroken: nobody can tell where the next message begins.
var errBroken = errors.New("broken stream of messages")

// keepBroken is how much of what cannot be framed is quarantined.
const keepBroken = 1 << 20

// read reads messages until the connection ends. The error says why.
func (c *conn) read(ctx context.Context) error {
	if err := c.greet(ctx); err != nil {
		return err
	}
	for c.buf.Len() == 0 {
		if err := c.fill(ctx); err != nil {
			return err
		}
	}
	next := c.nextMsgpack(new(framer))
	if b := c.buf.Bytes()[0]; b == '[' || b == '{' {
		next = c.nextJSON(new(jsonFramer))
	} else {
		c.buf.Spools = true
	}
	for {
		more, err := next(ctx)
		for err == nil && more {
			more, err = next(ctx)
		}
		// What is buffered is handled. Before waiting for more, or ending for
		// whatever reason, the good messages so far go on their way.
		if err := c.flush(ctx); err != nil {
			return err
		}
		if err == nil {
			err = c.fill(ctx)
		}
		if errors.Is(err, errBroken) || errors.Is(err, collect.ErrTooLarge) {
			return c.breakOff(ctx, err)
		}
		if err != nil {
			return err
		}
	}
}

// breakOff sets the start of what cannot be framed aside.
func (c *conn) breakOff(ctx context.Context, why error) error {
	rest := c.buf.Bytes()
	rest = rest[:min(len(rest), keepBroken)]
	if err := c.quarantine(ctx, new(message), rest, why.Error()); err != nil {
		return err
	}
	if errors.Is(why, errBroken) {
		return why
	}
	return fmt.Errorf("%w: message of %w: let the sender make smaller chunks (Fluentd: chunk_limit_size)", errBroken, why)
}

// nextMsgpack returns a function that handles the next message of the buffer,
// and tells whether there was a whole one.
func (c *conn) nextMsgpack(framing *framer) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		f, ok, err := framing.scan(c.buf.Bytes(), c.s.memory.MaxMessage())
		switch {
		case err != nil:
			return false, fmt.Errorf("%w: %w", errBroken, err)
		case !ok && framing.need > uint64(c.s.memory.PerMessage()):
			return false, c.buf.Spill(ctx)
		case !ok:
			return false, nil
		}
		if f.raw[0] != heartbeat {
			m := parse(&f)
			err = c.handle(ctx, &m, f.raw)
		}
		c.buf.Discard(len(f.raw))
		return true, err
	}
}

// nextJSON is nextMsgpack for the JSON form.
func (c *conn) nextJSON(framing *jsonFramer) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		if framing.pos == 0 {
			held := c.buf.Bytes()
			c.buf.Discard(len(held) - len(bytes.TrimLeft(held, " \t\r\n")))
		}
		n, err := framing.scan(c.buf.Bytes())
		if err != nil {
			return false, fmt.Errorf("%w: %w", errBroken, err)
		}
		if n == 0 {
			return false, nil
		}
		if err := c.lease.Grow(ctx, int64(jsonCost*n)); err != nil {
			return false, err
		}
		m := parseJSON(c.buf.Bytes()[:n])
		err = c.handle(ctx, &m, c.buf.Bytes()[:n])
		c.buf.Discard(n)
		c.lease.Shrink(int64(jsonCost * n))
		return true, err
	}
}

// jsonCost is about how many copies of a JSON message its parsing makes.
const jsonCost = 3

// handle puts one message.
func (c *conn) handle(ctx context.Context, m *message, raw []byte) error {
	if m.bare && m.ack == nil && m.bad == "" && m.signal == 0 && len(m.entries) <= manySingles {
		return c.gather(ctx, m)
	}
	if err := c.flush(ctx); err != nil {
		return err
	}
	switch {
	case m.bad != "":
		return c.quarantine(ctx, m, raw, m.bad)
	case m.signal != 0:
		if c.s.Counts.Signals.Add(1) == 1 {
			c.s.log.WarnContext(ctx, "dropping messages that are metrics or traces: Ikada collects logs, so send it logs only", "from", c.origin)
		}
		return c.owe(ctx, answer{ack: m.ack})
	case m.compression != "":
		return c.inflate(ctx, m, raw)
	}
	chunk := m.chunkOf(m.entries)
	if m.bare { // the tag is copied by now, so its last byte can make place
		chunk.Payload[0] = entryHead
	}
	return c.put(ctx, chunk, m.ack)
}

// entryHead is the head of an entry, an array of two.
const entryHead = 0x92

// chunkOf returns the message's chunk. Where the sender did not say how many
// events it holds, or more than there can be, they are counted.
func (m *message) chunkOf(entries []byte) *collect.Chunk {
	if m.events <= 0 || m.events > len(entries)/smallestEntry {
		m.events = msgpack.Count(entries)
	}
	return &collect.Chunk{Tag: string(m.tag), ID: m.chunk, Format: m.format, Payload: entries, Events: m.events}
}

// smallestEntry is an array of two, a time of one byte and an empty map.
const smallestEntry = 3

// inflate decompresses a message's entries and puts them. What does not
// decompress is quarantined as it came.
func (c *conn) inflate(ctx context.Context, m *message, raw []byte) error {
	out := collect.NewBuffer(c.lease)
	out.Spools = true
	defer out.Free()
	err := collect.Inflate(ctx, m.compression, bytes.NewReader(m.entries), out, c.s.opts.MaxInflated)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, collect.ErrSpool): // the message is good: it shall be sent again
		return err
	case err != nil:
		return c.quarantine(ctx, m, raw, err.Error())
	}
	return c.put(ctx, m.chunkOf(out.Bytes()), m.ack)
}

// singles joins messages of one event each that follow one another under one
// tag, as loggers without buffers send them, into one chunk.
type singles struct {
	tag     string
	entries []byte
	n       int
}

// manySingles is how many bytes of single events go on their way together.
const manySingles = 16 << 10

func (c *conn) gather(ctx context.Context, m *message) error {
	s := &c.single
	if s.n > 0 && (s.tag != string(m.tag) || len(s.entries)+len(m.entries) > manySingles) {
		if err := c.flush(ctx); err != nil {
			return err
		}
	}
	if s.entries == nil {
		s.entries = make([]byte, 0, manySingles)
	}
	if s.n == 0 && s.tag != string(m.tag) {
		s.tag = string(m.tag)
	}
	s.entries = append(append(s.entries, entryHead), m.entries[1:]...)
	s.n++
	return nil
}

// flush puts the single events that were gathered.
func (c *conn) flush(ctx context.Context) error {
	s := &c.single
	if s.n == 0 {
		return nil
	}
	chunk := collect.Chunk{Tag: s.tag, Format: batch.Msgpack, Payload: s.entries, Events: s.n}
	s.entries, s.n = s.entries[:0], 0
	return c.put(ctx, &chunk, nil)
}
