package quarantine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/text/encoding"

	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/record"
)

// Sender puts a record into the stream and returns once it is durable there.
// The id makes a repetition known.
type Sender func(ctx context.Context, tag string, id []byte, format batch.Format, payload []byte) error

// Retry says what to put back.
type Retry struct {
	Filter
	IDs []string // these alone, if any are given
	As  string   // the log type to send them as; empty: their own
	// Charset is what their texts are in, if it is not UTF-8; a name of the web's.
	Charset string
	Try     bool // only say what would be put back
}

// Result is what became of records.
type Result struct {
	PutBack  int64   `json:"put_back"`
	StillBad int64   `json:"still_bad"` // they would be set aside again, and stay where they are
	Refused  int64   `json:"refused"`   // by the warehouse, again; of a dry run: once, and would be tried
	Examples []Still `json:"examples,omitempty"`
}

// Still is a record that stays in quarantine.
type Still struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// maxExamples bounds the examples in a result.
const maxExamples = 10

func (r *Result) still(id string, why error) {
	r.StillBad++
	r.example(id, why.Error())
}

func (r *Result) example(id, reason string) {
	if len(r.Examples) < maxExamples {
		r.Examples = append(r.Examples, Still{id, reason})
	}
}

// Retry sends records again that would now be read as events, and brings rows that
// the warehouse refused into their table. What is bad still stays. A retry that was cut
// off is repeated without harm: the stream knows the record by its id, for as
// long as it knows any chunk, and a row leaves the quarantine once.
func (s Store) Retry(ctx context.Context, r Retry, tell func(done, of int64)) (Result, error) {
	var result Result
	decode, err := decoder(r.Charset)
	if err != nil {
		return result, err
	}
	chosen, err := s.choose(ctx, r)
	if err != nil {
		return result, err
	}
	rows, records := split(chosen)
	if s.Send == nil && !r.Try && len(records) > 0 {
		return result, errors.New("put back: there is no stream to send to: start `ikada up`, or set kinesis.stream")
	}
	for i, c := range records {
		if err := s.retry(ctx, c, r, decode, &result); err != nil {
			return result, fmt.Errorf("put back record %s, after %d others: %w", c.ID, result.PutBack, err)
		}
		tell(int64(i+1), int64(len(chosen)))
	}
	return result, s.putBackRows(ctx, rows, r, &result, func(done int) { tell(int64(len(records)+done), int64(len(chosen))) })
}

// choose returns the records to put back, the earliest first.
func (s Store) choose(ctx context.Context, r Retry) ([]Record, error) {
	var chosen []Record
	for _, id := range r.IDs {
		c, err := s.find(ctx, id)
		if err != nil {
			return nil, err
		}
		if !c.PutBack.IsZero() {
			return nil, fmt.Errorf("record %s was put back at %s", id, c.PutBack.Format(time.RFC3339))
		}
		if !slices.ContainsFunc(chosen, func(other Record) bool { return other.ID == c.ID }) { // the id of another piece
			chosen = append(chosen, c)
		}
	}
	if len(r.IDs) > 0 {
		return chosen, nil
	}
	found, err := s.List(ctx, r.Filter)
	for i := len(found) - 1; i >= 0; i-- {
		chosen = append(chosen, found[i])
	}
	return chosen, err
}

func (s Store) retry(ctx context.Context, c Record, r Retry, decode *encoding.Decoder, result *Result) error {
	if c.Withheld > 0 {
		result.still(c.ID, errors.New("its bytes were withheld, as they may hold fields that are declared to be dropped, hashed or masked"))
		return nil
	}
	if c.Whole != "" { // it would come in pieces again
		result.still(c.ID, errors.New(c.Reason))
		return nil
	}
	var err error
	if c.Data, err = s.data(ctx, c); err != nil {
		return err
	}
	tag := c.Type
	if r.As != "" {
		tag = r.As
	}
	format, data, err := readable(tag, c.Data, decode)
	if err != nil {
		result.still(c.ID, c.why(err))
		return nil
	}
	if r.Try {
		result.PutBack++
		return nil
	}
	// Another retry may have been faster, longer ago than the stream knows a chunk.
	if back, err := s.markOf(ctx, c.ID); err != nil || !back.IsZero() {
		return err
	}
	result.PutBack++
	if err := s.Send(ctx, tag, []byte("quarantine "+c.ID), format, data); err != nil {
		return err
	}
	return s.mark(ctx, c.ID, tag)
}

// why says why a record is bad still. What was set aside before anybody looked for
// events in it, such as a message that does not decompress, is for the reason that
// it came with: read as an event, it has another, which is none of its own. What
// was read as an event has what stands in the way of it now.
func (r *Record) why(now error) error {
	if _, _, then := readable(r.Type, r.Data, nil); then != nil && then.Error() != r.Reason {
		return errors.New(r.Reason)
	}
	return now
}

// readable finds how a record can be read as an event; if it can't, why.
func readable(tag string, data []byte, decode *encoding.Decoder) (batch.Format, []byte, error) {
	format := batch.Msgpack // an entry, which is an array
	switch trimmed := bytes.TrimSpace(data); {
	case len(trimmed) == 0:
		return 0, nil, errors.New("it is empty")
	case trimmed[0] == '{':
		format = batch.JSON
	case trimmed[0] == '[':
		format = batch.JSONEntries
	}
	if decode != nil {
		var err error
		if data, err = recode(decode, format, data); err != nil {
			return 0, nil, err
		}
	}
	return format, data, record.Try(&batch.Part{Tag: tag, Format: format, Arrival: time.Now().UnixNano(), Payload: data})
}
