package lambdas

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Invoke implements lambda.Handler. The library's own reading of an event takes
// several times as long as all that becomes of the records.
func (b *Buffer) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	event, err := readEvent(payload)
	if err != nil {
		return nil, err
	}
	return nil, b.Handle(ctx, event)
}

// wireEvent is what is needed of an event.
type wireEvent struct {
	Records []wireRecord `json:"Records"`
}

type wireRecord struct {
	EventID        string `json:"eventID"`
	EventSource    string `json:"eventSource"`
	EventSourceArn string `json:"eventSourceARN"`
	Kinesis        struct {
		Data           []byte  `json:"data"`
		PartitionKey   string  `json:"partitionKey"`
		SequenceNumber string  `json:"sequenceNumber"`
		Arrival        float64 `json:"approximateArrivalTimestamp"`
	} `json:"kinesis"`
}

// readEvent reads an event of Kinesis; of another one it has no more than where
// its records are from.
func readEvent(payload []byte) (events.KinesisEvent, error) {
	var in wireEvent
	if err := json.Unmarshal(payload, &in, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)); err != nil {
		return events.KinesisEvent{}, fmt.Errorf("read the event: %w", err)
	}
	out := events.KinesisEvent{Records: make([]events.KinesisEventRecord, len(in.Records))}
	for i := range in.Records {
		r, k := &in.Records[i], &in.Records[i].Kinesis
		seconds, rest := math.Modf(k.Arrival)
		out.Records[i] = events.KinesisEventRecord{
			EventID: r.EventID, EventSource: r.EventSource, EventSourceArn: r.EventSourceArn,
			Kinesis: events.KinesisRecord{
				Data: k.Data, PartitionKey: k.PartitionKey, SequenceNumber: k.SequenceNumber,
				// In milliseconds: what a double has beyond them is noise.
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: time.Unix(int64(seconds), int64(math.Round(rest*1000))*int64(time.Millisecond))},
			},
		}
	}
	return out, nil
}
