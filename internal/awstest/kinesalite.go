package awstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// Kinesis is a running Kinesis server: kinesalite, which keeps streams in its
// memory. It does not throttle and takes any credentials: see StartKinesisFaults.
type Kinesis struct {
	Endpoint    string
	Region      string
	Credentials aws.CredentialsProvider

	client *kinesis.Client
	made   atomic.Int64
}

// kinesisDeadline bounds the waits for the server.
const kinesisDeadline = 20 * time.Second

// StartKinesis starts a server without streams that ends with the test.
func StartKinesis(t testing.TB) *Kinesis {
	t.Helper()
	folder := filepath.Join(awstestFolder(t), "kinesalite")
	if _, err := os.Stat(filepath.Join(folder, kinesalite)); err != nil {
		t.Fatalf("the tests need kinesalite, which is not there (%v): run `make test-deps`", err)
	}
	k := &Kinesis{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDOFTHETESTS", "secret-of-the-tests", "")}
	// Another process may take the free port first; then another is tried.
	for attempt := 1; ; attempt++ {
		err := k.start(t, folder)
		if err == nil {
			break
		}
		if attempt == 3 {
			t.Fatalf("start kinesalite: %v", err)
		}
	}
	k.client = k.clientOf(k.Endpoint)
	return k
}

func (k *Kinesis) clientOf(endpoint string) *kinesis.Client {
	return kinesis.New(kinesis.Options{BaseEndpoint: &endpoint, Region: k.Region, Credentials: k.Credentials})
}

// kinesalite is its program, in the folder of ours that has what it needs.
const kinesalite = "node_modules/kinesalite/cli.js"

func (k *Kinesis) start(t testing.TB, folder string) error {
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	p, err := run("node", "--require", filepath.Join(folder, "survive.js"), filepath.Join(folder, kinesalite), "--port", port, "--createStreamMs", "10", "--deleteStreamMs", "10", "--updateStreamMs", "10", "--shardLimit", "100")
	if err != nil {
		return err
	}
	for end := time.Now().Add(kinesisDeadline); ; {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			k.Endpoint = "http://" + address
			t.Cleanup(func() {
				p.stop()
				if text := p.output.String(); t.Failed() && text != "" {
					t.Logf("kinesalite printed:\n%s", text)
				}
			})
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("it ended: %s", p.output.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			p.stop()
			return fmt.Errorf("it does not listen after %v: %s", kinesisDeadline, p.output.String())
		}
	}
}

// NewStream makes a stream and returns its name.
func (k *Kinesis) NewStream(t testing.TB, shards int) string {
	t.Helper()
	name := fmt.Sprintf("stream-%d", k.made.Add(1))
	if _, err := k.client.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(int32(shards))}); err != nil {
		t.Fatalf("create stream %s: %v", name, err)
	}
	k.waitActive(t, name)
	return name
}

// SplitShard splits a shard of a stream in the middle.
func (k *Kinesis) SplitShard(t testing.TB, stream, shard, middle string) {
	t.Helper()
	if _, err := k.client.SplitShard(t.Context(), &kinesis.SplitShardInput{StreamName: &stream, ShardToSplit: &shard, NewStartingHashKey: &middle}); err != nil {
		t.Fatalf("split shard %s: %v", shard, err)
	}
	k.waitActive(t, stream)
}

// MergeShards merges two shards of a stream whose hash keys are neighbours.
func (k *Kinesis) MergeShards(t testing.TB, stream, shard, neighbour string) {
	t.Helper()
	if _, err := k.client.MergeShards(t.Context(), &kinesis.MergeShardsInput{StreamName: &stream, ShardToMerge: &shard, AdjacentShardToMerge: &neighbour}); err != nil {
		t.Fatalf("merge shards %s and %s: %v", shard, neighbour, err)
	}
	k.waitActive(t, stream)
}

// Put puts records, each under a partition key of its own, and fails the test
// if one is refused.
func (k *Kinesis) Put(t testing.TB, stream string, data ...[]byte) {
	t.Helper()
	for len(data) > 0 {
		in := &kinesis.PutRecordsInput{StreamName: &stream}
		for size := 0; len(data) > 0 && len(in.Records) < 500 && (size == 0 || size+len(data[0]) < 4<<20); data = data[1:] {
			size += len(data[0])
			key := strconv.FormatUint(rand.Uint64(), 36)
			in.Records = append(in.Records, types.PutRecordsRequestEntry{Data: data[0], PartitionKey: &key})
		}
		out, err := k.client.PutRecords(t.Context(), in)
		if err != nil {
			t.Fatalf("put records: %v", err)
		}
		if n := aws.ToInt32(out.FailedRecordCount); n > 0 {
			t.Fatalf("put records: %d of %d were refused", n, len(in.Records))
		}
	}
}

func (k *Kinesis) waitActive(t testing.TB, stream string) {
	t.Helper()
	for end := time.Now().Add(kinesisDeadline); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		out, err := k.client.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &stream})
		if err == nil && out.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive {
			return
		}
	}
	t.Fatalf("stream %s is not active after %v", stream, kinesisDeadline)
}

// Records returns what a stream's shards hold, by shard id, in order.
func (k *Kinesis) Records(t testing.TB, stream string) map[string][]types.Record {
	t.Helper()
	out, err := k.client.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: &stream})
	if err != nil {
		t.Fatal(err)
	}
	held := map[string][]types.Record{}
	for _, shard := range out.Shards {
		held[*shard.ShardId] = k.shardRecords(t, stream, *shard.ShardId)
	}
	return held
}

func (k *Kinesis) shardRecords(t testing.TB, stream, shard string) (records []types.Record) {
	t.Helper()
	it, err := k.client.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{StreamName: &stream, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	if err != nil {
		t.Fatal(err)
	}
	for next := it.ShardIterator; next != nil; {
		out, err := k.client.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: next})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, out.Records...)
		if next = out.NextShardIterator; len(out.Records) == 0 && aws.ToInt64(out.MillisBehindLatest) == 0 {
			return records
		}
	}
	return records
}

// awstestFolder is where this package's sources are.
func awstestFolder(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		t.Fatal(errors.New("the folder of package awstest is not known (built with -trimpath?)"))
	}
	return filepath.Dir(file)
}
