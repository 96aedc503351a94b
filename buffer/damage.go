package buffer

import (
	"context"
	"fmt"
	"time"

	"github.com/ikada-io/ikada/stream"
)

// maxTries is how often a damaged message is read before it is given up.
const maxTries = 4

// beyondHope reports whether reading once more is of no use. What follows a
// message that was given up is mostly of the same damaged block.
func (l *lane) beyondHope(d *stream.Damaged) bool {
	l.damaged[d.Last]++
	return l.skipping || l.damaged[d.Last] >= maxTries
}

// skip goes on behind messages that cannot be read. They are lost; a record in
// quarantine stands for them, so that they are missed by who looks.
func (l *lane) skip(ctx context.Context, r stream.Reader, d *stream.Damaged) (stream.Reader, error) {
	next, err := l.stream.Open(ctx, l.name, d.Last)
	if err != nil {
		return r, fmt.Errorf("open lane %s behind damaged messages: %w", l.name, err)
	}
	_ = r.Close() // what was read stays read
	l.skipping = true
	err = fmt.Errorf("messages of lane %s are damaged and lost: %w", l.name, d)
	l.opts.Stats.Failed(time.Now(), err)
	l.opts.Log.Error("gave up messages that the stream acknowledged and cannot read any more", "lane", l.name, "up to", d.Last, "error", d)
	m := stream.Message{Position: d.Last, Time: time.Now()}
	l.parts = append(l.parts[:0], l.badMessage(m, err))
	return next, l.take(ctx, m)
}
