package awstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// receiver is a function that notes what it is called with.
type receiver struct {
	mu      sync.Mutex
	fails   int // of every so many calls one fails; 0: none
	calls   int
	busy    map[string]int // invocations of a shard at this moment
	overlap bool           // a shard had two at once
	largest int            // records of a batch
	order   []string       // shard and data of each record, as they came
}

func (r *receiver) invoke(_ context.Context, e events.KinesisEvent) error {
	shard, _, _ := strings.Cut(e.Records[0].EventID, ":")
	r.mu.Lock()
	r.calls++
	fails := r.fails > 0 && r.calls%r.fails == 0
	r.busy[shard]++
	r.overlap = r.overlap || r.busy[shard] > 1
	r.largest = max(r.largest, len(e.Records))
	if !fails {
		for _, one := range e.Records {
			r.order = append(r.order, shard+" "+string(one.Kinesis.Data))
		}
	}
	r.mu.Unlock()
	time.Sleep(time.Millisecond)
	r.mu.Lock()
	r.busy[shard]--
	r.mu.Unlock()
	if fails {
		return errors.New("on purpose")
	}
	return nil
}

// poll runs a poller over a stream that is split and merged while records are
// put, and returns how many there were.
func poll(t *testing.T, k *Kinesis, r *receiver, p *Poller) int {
	t.Helper()
	r.busy = map[string]int{}
	p.Kinesis, p.Stream, p.Invoke = k, k.NewStream(t, 2), r.invoke
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- p.Run(t.Context(), stop) }()
	sent := 0
	put := func() {
		for range 5 {
			var data [][]byte
			for range 60 {
				data = append(data, fmt.Appendf(nil, "%05d", sent))
				sent++
			}
			k.Put(t, p.Stream, data...)
		}
	}
	put()
	k.SplitShard(t, p.Stream, "shardId-000000000000", "85070591730234615865843651857942052864") // a quarter of all: 0 is 2 and 3 now
	put()
	k.MergeShards(t, p.Stream, "shardId-000000000003", "shardId-000000000001") // which are 4
	put()
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := p.Counts.Shards.Load(); n != 5 {
		t.Errorf("%d shards were delivered, want 5", n)
	}
	return sent
}

func TestPollerDeliversAStreamThatIsSplitAndMerged(t *testing.T) {
	k := StartKinesis(t)
	r := &receiver{fails: 5}
	p := &Poller{BatchRecords: 7}
	sent := poll(t, k, r, p)
	if len(r.order) != sent || r.largest > 7 || r.overlap || p.Counts.Retries.Load() == 0 {
		t.Errorf("%d records of %d, at most %d at once, a shard twice at once: %t, %d retries", len(r.order), sent, r.largest, r.overlap, p.Counts.Retries.Load())
	}
	first, last := map[string]int{}, map[string]int{}
	at := map[string]int{}
	var all []string
	for i, one := range r.order {
		shard, data, _ := strings.Cut(one, " ")
		if _, known := first[shard]; !known {
			first[shard] = i
		}
		last[shard] = i
		n := 0
		_, _ = fmt.Sscan(strings.TrimLeft(data, "0")+" ", &n)
		if n < at[shard] {
			t.Errorf("record %d came behind %d in %s", n, at[shard], shard)
		}
		at[shard] = n
		all = append(all, data)
	}
	for child, parents := range map[string][]string{"2": {"0"}, "3": {"0"}, "4": {"1", "3"}} {
		for _, parent := range parents {
			if first["shardId-00000000000"+child] < last["shardId-00000000000"+parent] {
				t.Errorf("shard %s began before its parent %s had ended", child, parent)
			}
		}
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != sent {
		t.Error("a record came twice, and another not at all")
	}
}

func TestPollerMakesTroubleWhereItIsAsked(t *testing.T) {
	k := StartKinesis(t)
	r := &receiver{fails: 4}
	p := &Poller{BatchRecords: 20, Recut: true, Zombies: .5, Late: .3}
	sent := poll(t, k, r, p)
	if c := &p.Counts; !r.overlap || c.Zombies.Load() == 0 || c.Late.Load() == 0 || len(r.order) <= sent {
		t.Errorf("two at once: %t; %d zombies, %d late, %d records of %d", r.overlap, c.Zombies.Load(), c.Late.Load(), len(r.order), sent)
	}
	seen := map[string]bool{}
	for _, one := range r.order {
		_, data, _ := strings.Cut(one, " ")
		seen[data] = true
	}
	if len(seen) != sent {
		t.Errorf("%d different records, want %d", len(seen), sent)
	}
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	f := &shardFeed{Poller: &Poller{BatchRecords: 10, BatchBytes: 10_000}}
	for range 4 {
		f.waiting = append(f.waiting, types.Record{Data: make([]byte, 3000), SequenceNumber: aws.String("1")})
	}
	if n := f.cut(4); n != 2 { // 4,400 bytes each
		t.Errorf("%d records, want 2", n)
	}
	f.waiting[0].Data = make([]byte, 100_000)
	if n := f.cut(4); n != 1 {
		t.Errorf("%d records, want the large one alone", n)
	}
}

// A parent that the stream has forgotten holds up nobody.
func TestShardsBeginBehindTheirParents(t *testing.T) {
	shard := func(id string, parents ...string) types.Shard {
		s := types.Shard{ShardId: &id}
		if len(parents) > 0 {
			s.ParentShardId = &parents[0]
		}
		if len(parents) > 1 {
			s.AdjacentParentShardId = &parents[1]
		}
		return s
	}
	shards := []types.Shard{shard("1", "0"), shard("2", "1"), shard("3"), shard("4", "1", "3")}
	var got []string
	begun := map[string]bool{}
	for _, ended := range []map[string]bool{{}, {"1": true}, {"1": true, "3": true}} {
		for _, s := range ready(shards, begun, ended) {
			begun[*s.ShardId] = true
			got = append(got, *s.ShardId)
		}
		got = append(got, "|")
	}
	if want := "1 3 | 2 | 4 |"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
