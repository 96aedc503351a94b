package awstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Notifier tells a function of a bucket's new objects as S3 does, asynchronously:
// an event an object, at least once, in no order, and the function is tried
// three times. Beside that it loses events, which S3 does not promise not to.
type Notifier struct {
	S3             *S3
	Bucket         string
	Prefix, Suffix string // of the keys that are told of
	// Invoke calls the function.
	Invoke func(context.Context, events.S3Event) error

	Lost, Doubled float64       // shares of the events
	Within        time.Duration // an event is up to so much late, and so out of order
	Parallel      int           // invocations at a time; 2

	Told, Dropped, GivenUp atomic.Int64
}

// Run looks for new objects until stop is closed, and once more. It returns when
// no invocation is left.
func (n *Notifier) Run(ctx context.Context, stop <-chan struct{}) error {
	known := map[string]bool{}
	slots := make(chan struct{}, positive(n.Parallel, 2))
	var running sync.WaitGroup
	defer running.Wait()
	for {
		stopped := isClosed(stop)
		keys, err := n.keys(ctx)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if known[key] || !strings.HasSuffix(key, n.Suffix) {
				continue
			}
			known[key] = true
			for range n.copies() {
				running.Go(func() { n.tell(ctx, key, slots) })
			}
		}
		if stopped {
			return nil
		}
		if err := pause(ctx, 10*pollEvery); err != nil { // a look lists all keys
			return err
		}
	}
}

// copies returns how often an object is told of.
func (n *Notifier) copies() int {
	switch dice := rand.Float64(); {
	case dice < n.Lost:
		n.Dropped.Add(1)
		return 0
	case dice < n.Lost+n.Doubled:
		return 2
	}
	return 1
}

// tell invokes the function with an event, some time later.
func (n *Notifier) tell(ctx context.Context, key string, slots chan struct{}) {
	if n.Within > 0 && pause(ctx, rand.N(n.Within)) != nil {
		return
	}
	for range 3 {
		slots <- struct{}{}
		err := n.Invoke(ctx, S3Event(n.Bucket, key))
		<-slots
		n.Told.Add(1)
		if err == nil || ctx.Err() != nil {
			return
		}
	}
	n.GivenUp.Add(1)
}

func (n *Notifier) keys(ctx context.Context) (keys []string, err error) {
	for pages := s3.NewListObjectsV2Paginator(n.S3.client, &s3.ListObjectsV2Input{Bucket: &n.Bucket, Prefix: &n.Prefix}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for new objects in %s: %w", n.Bucket, err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	return keys, nil
}

// S3Event is the event of new objects, their keys written as S3 writes them.
func S3Event(bucket string, keys ...string) (e events.S3Event) {
	for _, key := range keys {
		e.Records = append(e.Records, events.S3EventRecord{
			EventVersion: "2.1", EventSource: "aws:s3", AWSRegion: "eu-central-1", EventName: "ObjectCreated:Put", EventTime: time.Now().UTC(),
			S3: events.S3Entity{
				SchemaVersion: "1.0",
				Bucket:        events.S3Bucket{Name: bucket, Arn: "arn:aws:s3:::" + bucket},
				Object:        events.S3Object{Key: strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")},
			},
		})
	}
	return e
}

// Schedule invokes a function at intervals until stop is closed, as EventBridge's
// scheduler does: it does not wait for one invocation to end before the next,
// and of every so many it makes one twice.
func Schedule(ctx context.Context, stop <-chan struct{}, interval time.Duration, invoke func(context.Context)) {
	var running sync.WaitGroup
	defer running.Wait()
	for tick := time.NewTicker(interval); ; {
		select {
		case <-stop:
			tick.Stop()
			return
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		for range 1 + rand.IntN(5)/4 {
			running.Go(func() { invoke(ctx) })
		}
	}
}
