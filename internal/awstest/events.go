package awstest

import (
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// KinesisEvent is the event of a batch of a shard, as Lambda makes it.
func KinesisEvent(stream, shard string, records []types.Record) (e events.KinesisEvent) {
	for _, r := range records {
		e.Records = append(e.Records, events.KinesisEventRecord{
			AwsRegion: "eu-central-1", EventName: "aws:kinesis:record", EventSource: "aws:kinesis", EventVersion: "1.0",
			EventID:        shard + ":" + aws.ToString(r.SequenceNumber),
			EventSourceArn: "arn:aws:kinesis:eu-central-1:123456789012:stream/" + stream,
			Kinesis: events.KinesisRecord{
				Data: r.Data, SequenceNumber: aws.ToString(r.SequenceNumber), PartitionKey: aws.ToString(r.PartitionKey),
				ApproximateArrivalTimestamp: events.SecondsEpochTime{Time: aws.ToTime(r.ApproximateArrivalTimestamp)},
				KinesisSchemaVersion:        "1.0",
			},
		})
	}
	return e
}

// BatchOf is the event of records that are on no stream. The first of them has
// the number first; those of a shard must go up. They arrive now, in
// milliseconds, as Kinesis has it.
func BatchOf(stream, shard string, first int, data ...[]byte) events.KinesisEvent {
	records := make([]types.Record, len(data))
	for i, d := range data {
		records[i] = types.Record{
			Data: d, PartitionKey: aws.String("key"), ApproximateArrivalTimestamp: aws.Time(time.Now().Truncate(time.Millisecond)),
			SequenceNumber: aws.String(fmt.Sprintf("49590338271490256608559692538361571%021d", first+i)),
		}
	}
	return KinesisEvent(stream, shard, records)
}
