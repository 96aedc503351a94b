package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/stream"
)

const (
	// A fetch ends behind the message that takes it over fetchBytes, so a
	// reader holds less than fetchBytes + stream.MaxMessage.
	fetchBytes    = 4 << 20
	fetchMessages = 1024
	// replyTimeout ends a reader whose fetch was not answered.
	replyTimeout = 30 * time.Second
	// pollInterval bounds the wait at the lane's end: a message whose Append
	// was given up, but which was stored, wakes nobody.
	pollInterval = time.Second
	// overtaken bounds the wait for a message when later ones are in the tail
	// already: the goroutine that stored it is about to offer it.
	overtaken = 20 * time.Millisecond
)

var errClosed = errors.New("the stream is closed")

// reader takes messages from its tail, and fetches from the server, a batch at
// a time, what the tail does not have.
type reader struct {
	s       *Stream
	lane    ikada.Lane
	tail    *tail
	subject string // of the direct gets
	inbox   string
	sub     *nats.Subscription
	replies chan *nats.Msg

	last     uint64 // sequence number of the last message returned
	taken    []byte // its buffer, if it came from the tail
	fetching bool   // replies are under way
	got      int    // messages of this fetch
	empty    int    // fetches without a message that should have had one
	atEnd    bool   // the last fetch found nothing: wait before the next
	offered  bool   // messages behind last are, or will be, offered to the tail
	missing  time.Time
	appended <-chan struct{}
	err      error
}

// Open reads a lane from the first message behind after that is still held.
func (s *Stream) Open(ctx context.Context, lane ikada.Lane, after ikada.Position) (stream.Reader, error) {
	seq, err := parsePosition(after)
	if err != nil {
		return nil, fmt.Errorf("open lane %s: %w", lane, err)
	}
	_, state, err := s.state(ctx, lane)
	if err != nil {
		return nil, fmt.Errorf("open lane %s: %w", lane, err)
	}
	if state.LastSeq < seq {
		return nil, fmt.Errorf("open lane %s behind %d, which ends at %d: %w", lane, seq, state.LastSeq, ikada.ErrTruncated)
	}
	r := &reader{
		s: s, lane: lane, last: seq, tail: newTail(seq + 1),
		subject: "$JS.API.DIRECT.GET." + streamName(s.name, lane.Shard),
		inbox:   s.readConn.NewInbox(),
		// Room for all replies of a fetch: the client drops what has no room.
		replies: make(chan *nats.Msg, fetchMessages+1),
	}
	if r.sub, err = s.readConn.ChanSubscribe(r.inbox, r.replies); err != nil {
		return nil, fmt.Errorf("open lane %s: %w", lane, err)
	}
	s.tails[lane.Shard].Store(r.tail)
	return r, nil
}

// Next returns the message behind the last one.
func (r *reader) Next(ctx context.Context) (stream.Message, error) {
	r.releaseTaken()
	for r.err == nil {
		if err := ctx.Err(); err != nil {
			return stream.Message{}, fmt.Errorf("read lane %s: %w", r.lane, err)
		}
		if r.s.isClosed() {
			return r.fail(errClosed)
		}
		if err := r.s.check(r.lane); err != nil { // renewed: what comes bears another name now
			return r.fail(err)
		}
		if !r.fetching {
			if msg, ok := r.fromTail(); ok {
				return msg, nil
			}
			if r.atEnd || r.tailWillHave() {
				if err := r.waitForAppend(ctx); err != nil {
					return stream.Message{}, err
				}
				continue
			}
			if err := r.fetch(); err != nil {
				return r.fail(err)
			}
		}
		reply, err := r.reply(ctx)
		if err != nil {
			return stream.Message{}, err
		}
		if reply.Header.Get("Status") != "" {
			if err := r.endOfFetch(ctx, reply); err != nil {
				return r.fail(err)
			}
			continue
		}
		msg, err := r.message(ctx, reply)
		if err != nil {
			return r.fail(err)
		}
		return msg, nil
	}
	return stream.Message{}, r.err
}

// fromTail takes the next message from the tail.
func (r *reader) fromTail() (stream.Message, bool) {
	if !r.atEnd { // else it was taken before the fetch
		// Taken before the look, so an offer behind it is not missed.
		r.appended = r.s.wake[r.lane.Shard].next()
	}
	msg, ok := r.tail.take(r.last + 1)
	if ok {
		r.last++
		r.taken = msg.Data
		r.offered, r.atEnd, r.missing = true, false, time.Time{}
	}
	return msg, ok
}

// tailWillHave reports whether the next message is going to be in the tail, so
// that there is no need to ask the server for it.
func (r *reader) tailWillHave() bool {
	if !r.offered || r.s.tails[r.lane.Shard].Load() != r.tail {
		return false
	}
	later, refused := r.tail.state(r.last + 1)
	switch {
	case refused:
		return false
	case !later:
		r.missing = time.Time{}
	case r.missing.IsZero():
		r.missing = time.Now()
	case time.Since(r.missing) > overtaken:
		r.missing, r.offered = time.Time{}, false
		return false
	}
	return true
}

func (r *reader) releaseTaken() {
	if r.taken != nil {
		r.tail.release(r.taken)
		r.taken = nil
	}
}

func (r *reader) fail(err error) (stream.Message, error) {
	r.err = fmt.Errorf("read lane %s behind %d: %w", r.lane, r.last, err)
	return stream.Message{}, r.err
}

// fetch asks for the next messages. They come as replies, then an end mark.
func (r *reader) fetch() error {
	request, err := json.Marshal(struct {
		Seq      uint64 `json:"seq"`
		Batch    int    `json:"batch"`
		MaxBytes int    `json:"max_bytes"`
	}{r.last + 1, fetchMessages, fetchBytes})
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	if err := r.s.readConn.PublishRequest(r.subject, r.inbox, request); err != nil {
		return fmt.Errorf("request messages: %w", err)
	}
	r.fetching, r.got = true, 0
	return nil
}

// reply waits for a reply. If ctx ends first it returns an error and the reader
// can go on; other errors end the reader.
func (r *reader) reply(ctx context.Context) (*nats.Msg, error) {
	select {
	case reply := <-r.replies:
		return reply, nil
	default:
	}
	timeout := time.NewTimer(replyTimeout)
	defer timeout.Stop()
	select {
	case reply := <-r.replies:
		return reply, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("read lane %s: %w", r.lane, ctx.Err())
	case <-r.s.closed:
		_, err := r.fail(errClosed)
		return nil, err
	case <-timeout.C:
		_, err := r.fail(fmt.Errorf("no answer in %s", replyTimeout))
		return nil, err
	}
}

// waitForAppend waits until there may be a message.
func (r *reader) waitForAppend(ctx context.Context) error {
	wait := pollInterval
	if !r.missing.IsZero() {
		wait = overtaken
	}
	poll := time.NewTimer(wait)
	defer poll.Stop()
	select {
	case <-r.appended:
	case <-poll.C:
		r.offered = false // ask the server
	case <-ctx.Done():
		return fmt.Errorf("read lane %s: %w", r.lane, ctx.Err())
	case <-r.s.closed:
		_, err := r.fail(errClosed)
		return err
	}
	r.atEnd = false
	return nil
}

// endOfFetch looks at the reply that carries a status instead of a message.
func (r *reader) endOfFetch(ctx context.Context, reply *nats.Msg) error {
	r.fetching = false
	switch status := reply.Header.Get("Status"); status {
	case "204", "404": // end of the batch, nothing found
	default:
		return fmt.Errorf("request refused: %s %s", status, reply.Header.Get("Description"))
	}
	if r.got > 0 {
		r.empty = 0
		return nil
	}
	// Nothing there: the end of the lane, or messages that cannot be read.
	_, state, err := r.s.state(context.WithoutCancel(ctx), r.lane)
	if err != nil {
		return err
	}
	if state.Msgs == 0 || state.LastSeq <= r.last {
		r.atEnd, r.offered, r.empty = true, true, 0
		return nil
	}
	if r.empty++; r.empty > 2 { // else appended between the two questions
		return &stream.Damaged{
			Last: position(r.last + 1),
			Err:  fmt.Errorf("the lane goes on to %d but does not give message %d: %w", state.LastSeq, r.last+1, ikada.ErrCorrupt),
		}
	}
	return nil
}

// message checks that a reply is the next message of the lane.
func (r *reader) message(ctx context.Context, reply *nats.Msg) (stream.Message, error) {
	seq, err := strconv.ParseUint(reply.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return stream.Message{}, fmt.Errorf("sequence number of a message: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, reply.Header.Get(jetstream.TimeStampHeaer))
	if err != nil {
		return stream.Message{}, fmt.Errorf("time of message %d: %w", seq, err)
	}
	if seq != r.last+1 {
		if err := r.checkGap(ctx, seq); err != nil {
			return stream.Message{}, err
		}
	}
	r.last = seq
	r.got++
	r.tail.passed(seq)
	return stream.Message{Position: position(seq), Time: at, Data: reply.Data}, nil
}

// checkGap allows a gap that a Trim made: everything before seq is gone.
func (r *reader) checkGap(ctx context.Context, seq uint64) error {
	// Without ctx's end, which must not cost the message at hand.
	_, state, err := r.s.state(context.WithoutCancel(ctx), r.lane)
	if err != nil {
		return err
	}
	if seq > r.last && seq <= state.FirstSeq {
		return nil
	}
	err = fmt.Errorf("message %d follows %d in a lane that holds %d to %d: %w", seq, r.last, state.FirstSeq, state.LastSeq, ikada.ErrCorrupt)
	if seq > r.last {
		err = &stream.Damaged{Last: position(seq - 1), Err: err}
	}
	return err
}

// Close lets go of the reader.
func (r *reader) Close() error {
	r.s.tails[r.lane.Shard].CompareAndSwap(r.tail, nil)
	r.err = errClosed
	if err := r.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
		return fmt.Errorf("close the reader of lane %s: %w", r.lane, err)
	}
	return nil
}
