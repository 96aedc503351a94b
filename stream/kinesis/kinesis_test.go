package kinesis

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/batch"
	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/stream/kinesisrecord"
)

// rig is a server with a stream and a proxy before it.
type rig struct {
	*awstest.Kinesis
	t        *testing.T
	name     string
	opts     Options
	requests atomic.Int64
	sent     atomic.Int64 // records
}

// newRig starts a server with a stream. hook may be nil.
func newRig(t *testing.T, shards int, hook func(request int64, records int) awstest.KinesisFault) *rig {
	t.Helper()
	r := &rig{Kinesis: awstest.StartKinesis(t), t: t}
	r.name = r.NewStream(t, shards)
	endpoint := awstest.StartKinesisFaults(t, r.Kinesis, func(operation string, records int) awstest.KinesisFault {
		if operation != "PutRecords" {
			return awstest.KinesisFault{}
		}
		n := r.requests.Add(1)
		r.sent.Add(int64(records))
		if hook == nil {
			return awstest.KinesisFault{}
		}
		return hook(n, records)
	})
	r.opts = Options{
		Stream: r.name, Region: r.Region, Endpoint: endpoint, Credentials: r.Credentials,
		RetryFrom: time.Millisecond, RetryTo: 20 * time.Millisecond,
	}
	return r
}

func (r *rig) open() *Writer {
	r.t.Helper()
	w, err := Open(r.t.Context(), r.opts)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = w.Close() })
	return w
}

// message is a batch of one part that tells its number.
func message(n int) []byte {
	tag, payload := fmt.Sprintf("t%d", n), []byte(fmt.Sprintf(`{"n":%d}`+"\n", n))
	return batch.Append(nil, &batch.Part{Tag: tag, Format: batch.JSON, Key: batch.KeyOf(tag, []byte("c"), payload, 0), Payload: payload})
}

// incompressible is a batch of exactly size bytes.
func incompressible(size int) []byte {
	for fill := size - 40; ; fill++ {
		payload := make([]byte, fill)
		_, _ = rand.Read(payload)
		if b := batch.Append(nil, &batch.Part{Tag: "t", Format: batch.Msgpack, Payload: payload}); len(b) >= size {
			return b[:size]
		}
	}
}

// held returns how often each tag is in each shard.
func (r *rig) held() map[string]map[string]int {
	r.t.Helper()
	d, shards := kinesisrecord.NewDecoder(kinesisrecord.Options{}), map[string]map[string]int{}
	for shard, records := range r.Records(r.t, r.name) {
		shards[shard] = map[string]int{}
		for _, record := range records {
			for _, p := range d.Decode(&kinesisrecord.Record{Source: r.name + "/" + shard, SequenceNumber: *record.SequenceNumber, Data: record.Data}) {
				shards[shard][p.Tag]++
			}
		}
	}
	return shards
}

// appendAll appends messages 0 to n-1 at once, number i to shard i modulo the
// number of shards.
func (r *rig) appendAll(w *Writer, n int) {
	r.t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := w.Append(r.t.Context(), i%w.Shards(), message(i)); err != nil {
				r.t.Errorf("message %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// checkOnce fails unless each message is in its shard, once.
func (r *rig) checkOnce(n int) {
	r.t.Helper()
	shards, found := r.held(), 0
	for shard, tags := range shards {
		for tag, count := range tags {
			var number, of int
			if _, err := fmt.Sscanf(tag, "t%d", &number); err != nil {
				r.t.Fatalf("tag %q in %s", tag, shard)
			}
			if _, err := fmt.Sscanf(shard, "shardId-%d", &of); err != nil || number%len(shards) != of {
				r.t.Errorf("message %d is in %s", number, shard)
			}
			if found++; count != 1 {
				r.t.Errorf("message %d is there %d times", number, count)
			}
		}
	}
	if found != n {
		r.t.Errorf("%d of %d messages are there", found, n)
	}
}

func TestMessagesGoToTheirShards(t *testing.T) {
	r := newRig(t, 3, nil)
	w := r.open()
	if w.Shards() != 3 {
		t.Fatalf("%d shards", w.Shards())
	}
	const n = 3000
	r.appendAll(w, n)
	r.checkOnce(n)
	if requests := r.requests.Load(); requests > n/20 {
		t.Errorf("%d requests for %d messages at once", requests, n)
	}
	if err := w.Append(t.Context(), 3, message(0)); err == nil {
		t.Error("a shard that is not there took a message")
	}
}

func TestRequestsKeepTheLimits(t *testing.T) {
	var most atomic.Int64
	r := newRig(t, 1, func(_ int64, records int) awstest.KinesisFault {
		most.Store(max(most.Load(), int64(records)))
		return awstest.KinesisFault{}
	})
	r.opts.InFlight = 1
	w := r.open()
	var wg sync.WaitGroup
	greatest := incompressible(MaxMessage)
	for range 7 { // more than a request may hold
		wg.Go(func() {
			if err := w.Append(t.Context(), 0, greatest); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 5 {
		t.Errorf("%d records of 1 MiB in one request", most.Load())
	}
	most.Store(0)
	r.appendAll(w, 1500)
	if most.Load() > 500 {
		t.Errorf("%d records in one request", most.Load())
	}
}

func TestSizes(t *testing.T) {
	r := newRig(t, 1, nil)
	w := r.open()
	if err := w.Append(t.Context(), 0, incompressible(MaxMessage)); err != nil {
		t.Errorf("the greatest message: %v", err)
	}
	if err := w.Append(t.Context(), 0, make([]byte, 8*MaxMessage)); err != nil {
		t.Errorf("a large message that compresses: %v", err)
	}
	before := r.sent.Load()
	if err := w.Append(t.Context(), 0, incompressible(MaxMessage+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	if r.sent.Load() != before {
		t.Error("a record that is too large was sent")
	}
}

func TestOnlyWhatWasRefusedIsSentAgain(t *testing.T) {
	var refused atomic.Int64
	r := newRig(t, 2, func(request int64, records int) awstest.KinesisFault {
		f := awstest.KinesisFault{Refuse: map[int]bool{}}
		if request%2 == 0 {
			f.RefuseCode = "InternalFailure"
		}
		for i := range records {
			if request < 20 && (i+int(request))%3 != 0 {
				f.Refuse[i] = true
				refused.Add(1)
			}
		}
		return f
	})
	r.opts.Attempts = 30
	w := r.open()
	const n = 400
	r.appendAll(w, n)
	r.checkOnce(n)
	if got, want := r.sent.Load(), n+refused.Load(); got != want || refused.Load() < n/2 {
		t.Errorf("%d records were sent for %d messages of which %d were refused", got, n, refused.Load())
	}
}

func TestThrottledRequestsAreRepeated(t *testing.T) {
	r := newRig(t, 1, func(request int64, _ int) awstest.KinesisFault {
		switch {
		case request <= 2:
			return awstest.KinesisFault{Code: "ProvisionedThroughputExceededException"}
		case request <= 4:
			return awstest.KinesisFault{Code: "InternalFailure", Status: 500}
		case request <= 5:
			return awstest.KinesisFault{Code: "ThrottlingException"}
		}
		return awstest.KinesisFault{}
	})
	r.opts.InFlight = 1
	r.appendAll(r.open(), 50)
	r.checkOnce(50)
}

func TestAnUnknownOutcomeIsSentAgainAsItWas(t *testing.T) {
	r := newRig(t, 1, func(request int64, _ int) awstest.KinesisFault { return awstest.KinesisFault{Lose: request == 1} })
	w := r.open()
	if err := w.Append(t.Context(), 0, message(0)); err != nil {
		t.Fatal(err)
	}
	records := r.Records(t, r.name)["shardId-000000000000"]
	if len(records) != 2 || !bytes.Equal(records[0].Data, records[1].Data) {
		t.Errorf("%d records; two alike can be told by their keys", len(records))
	}
}

func TestGivingUp(t *testing.T) {
	r := newRig(t, 1, func(int64, int) awstest.KinesisFault { return awstest.KinesisFault{Refuse: map[int]bool{0: true}} })
	r.opts.Attempts = 4
	err := r.open().Append(t.Context(), 0, message(0))
	if err == nil || !strings.Contains(err.Error(), "after 4 attempts") || !strings.Contains(err.Error(), "add shards") {
		t.Errorf("got %v", err)
	}
	if n := r.requests.Load(); n != 4 {
		t.Errorf("%d requests", n)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	var code atomic.Pointer[string]
	r := newRig(t, 1, func(int64, int) awstest.KinesisFault { return awstest.KinesisFault{Code: *code.Load()} })
	w := r.open()
	for c, want := range map[string]string{
		"ExpiredTokenException":       "renew the session",
		"UnrecognizedClientException": "check access key",
		"AccessDeniedException":       "allow kinesis:ListShards and kinesis:PutRecords",
		"KMSDisabledException":        "KMS key",
		"ResourceNotFoundException":   "create it",
		"ValidationException":         "on purpose",
	} {
		code.Store(&c)
		before := r.requests.Load()
		err := w.Append(t.Context(), 0, message(0))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c) || !strings.Contains(err.Error(), r.name) {
			t.Errorf("%s: %v", c, err)
		}
		if errors.Is(err, ikada.ErrNotFound) != (c == "ResourceNotFoundException") {
			t.Errorf("%s: is it ErrNotFound? %v", c, err)
		}
		if n := r.requests.Load() - before; n != 1 {
			t.Errorf("%s: %d requests", c, n)
		}
	}
}

func TestOpenFails(t *testing.T) {
	r := newRig(t, 1, nil)
	for name, c := range map[string]struct {
		change func(o *Options)
		want   string
	}{
		"missing":     {func(o *Options) { o.Stream = "elsewhere" }, "create it, or mend name or region"},
		"no name":     {func(o *Options) { o.Stream = "" }, "name is missing"},
		"no server":   {func(o *Options) { o.Endpoint = "http://127.0.0.1:1" }, "is http://127.0.0.1:1 to be reached from here?"},
		"credentials": {func(o *Options) { o.Credentials = noCredentials{} }, "set AWS_ACCESS_KEY_ID"},
	} {
		opts := r.opts
		c.change(&opts)
		if _, err := Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type noCredentials struct{}

func (noCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, errors.New("none here")
}

func TestAnAppendEndsWithItsContextOrTheWriter(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, 1, func(int64, int) awstest.KinesisFault { <-release; return awstest.KinesisFault{} })
	defer close(release)
	r.opts.InFlight = 1
	w := r.open()
	ended := make(chan error)
	for range 3 { // one in flight, others in the queue
		go func() { ended <- w.Append(t.Context(), 0, message(0)) }()
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.Append(short, 0, message(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_ = w.Close()
	for range 3 {
		if err := <-ended; !errors.Is(err, errClosed) {
			t.Errorf("got %v", err)
		}
	}
	if err := w.Append(t.Context(), 0, message(0)); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAResharedStreamTakesMessages(t *testing.T) {
	r := newRig(t, 1, nil)
	w := r.open()
	middle := new(big.Int).Lsh(big.NewInt(1), 127)
	r.SplitShard(t, r.name, "shardId-000000000000", middle.String())
	const n = 60
	r.appendAll(w, n)
	held := r.held()
	for _, child := range []string{"shardId-000000000001", "shardId-000000000002"} {
		if len(held[child]) < n/6 {
			t.Errorf("%s has %d messages of %d", child, len(held[child]), n)
		}
	}
	if r.open().Shards() != 2 {
		t.Error("a closed shard is counted")
	}
}

func TestPausesGrow(t *testing.T) {
	w := &Writer{opts: Options{RetryFrom: 100 * time.Millisecond, RetryTo: 5 * time.Second}}
	var least []time.Duration
	for _, attempts := range []int{1, 2, 5, 7, 40, 1000} {
		p := w.pause(attempts)
		if p <= 0 || p > w.opts.RetryTo {
			t.Errorf("attempt %d: %v", attempts, p)
		}
		least = append(least, p)
	}
	if !slices.IsSorted(least[:4]) && least[0] >= least[3] {
		t.Errorf("pauses %v", least)
	}
}
