package forward

import (
	"errors"
	"fmt"

	"github.com/ikada-io/ikada/collect"
	"github.com/ikada-io/ikada/collect/internal/msgpack"
)

// elements is how many elements of a message are told apart: a PING has six.
const elements = 6

// frame is one whole msgpack message: an array, and where its elements end. A
// heartbeat (nil) has no elements.
type frame struct {
	raw  []byte
	n    uint64 // elements, of which at most the first six have an end
	head int
	ends [elements]int
}

// at returns element i.
func (f *frame) at(i int) []byte {
	start := f.head
	if i > 0 {
		start = f.ends[i-1]
	}
	return f.raw[start:f.ends[i]]
}

// framer finds messages at the start of a growing buffer, looking at every byte
// once. The zero value is ready for the first message.
type framer struct {
	f    frame
	next int    // element to be walked
	pos  int    // how far it is walked
	left uint64 // values left of it
	need uint64 // bytes the buffer must have to go on
}

// scan returns the message that b begins with, or false if there is more to
// come. A message is larger than limit only if the error wraps ErrTooLarge; any
// error means that nobody can tell where the next message begins.
func (s *framer) scan(b []byte, limit int64) (frame, bool, error) {
	if len(b) == 0 || uint64(len(b)) < s.need {
		return frame{}, false, nil
	}
	if s.pos == 0 {
		if ok, err := s.begin(b); err != nil || !ok {
			return frame{}, false, err
		}
	}
	for s.next < int(min(s.f.n, elements)) {
		var err error
		if s.pos, s.left, s.need, err = msgpack.Skip(b, s.pos, s.left); err != nil {
			return frame{}, false, fmt.Errorf("byte %d of the message: %w", s.pos, err)
		}
		if s.need > uint64(limit) {
			return frame{}, false, fmt.Errorf("message of at least %d bytes is %w: the limit is %d", s.need, collect.ErrTooLarge, limit)
		}
		if s.left > 0 {
			return frame{}, false, nil
		}
		s.f.ends[s.next] = s.pos
		s.next++
		s.left = 1
		if s.next == elements-1 {
			s.left = s.f.n - elements + 1 // the last end is that of all the rest
		}
	}
	f := s.f
	f.raw = b[:s.pos]
	*s = framer{}
	return f, true, nil
}

var errNotArray = errors.New("is no array, as a message of the Forward protocol must be: point the sender's Forward output at this port, or something else away from it")

func (s *framer) begin(b []byte) (bool, error) {
	switch {
	case b[0] == heartbeat:
		s.pos = 1
		return true, nil
	case !msgpack.IsArray(b[0]):
		return false, fmt.Errorf("byte %#x %w", b[0], errNotArray)
	}
	s.f.n, s.f.head = msgpack.Head(b)
	s.pos, s.left = s.f.head, 1
	return s.f.head > 0, nil
}

// heartbeat is msgpack's nil.
const heartbeat = 0xc0
