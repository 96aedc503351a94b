package awstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestNotifierTellsOfNewObjects(t *testing.T) {
	store := StartS3(t)
	bucket := store.NewBucket(t)
	put := func(key string) {
		if _, err := store.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(key), Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	told := map[string]int{}
	n := &Notifier{
		S3: store, Bucket: bucket, Prefix: "logs/", Suffix: ".manifest", Lost: .3, Doubled: .3, Within: 20 * time.Millisecond,
		Invoke: func(_ context.Context, e events.S3Event) error {
			mu.Lock()
			defer mu.Unlock()
			told[e.Records[0].S3.Object.Key]++
			if e.Records[0].S3.Object.Key == "logs/a+b%25c.manifest" {
				return errors.New("on purpose")
			}
			return nil
		},
	}
	for i := range 60 {
		put(fmt.Sprintf("logs/%d.manifest", i))
	}
	for _, other := range []string{"logs/1.json", "others/2.manifest"} {
		put(other)
	}
	stop := make(chan struct{})
	close(stop)
	if err := n.Run(t.Context(), stop); err != nil {
		t.Fatal(err)
	}
	twice := 0
	for key, times := range told {
		if !strings.HasSuffix(key, ".manifest") || !strings.HasPrefix(key, "logs/") || times > 2 {
			t.Errorf("%s was told of %d times", key, times)
		}
		if times == 2 {
			twice++
		}
	}
	if twice == 0 || n.Dropped.Load() == 0 || len(told)+int(n.Dropped.Load()) != 60 || n.GivenUp.Load() != 0 {
		t.Errorf("%d of 60 were told of, %d of them twice; %d lost, %d given up", len(told), twice, n.Dropped.Load(), n.GivenUp.Load())
	}
	n.Lost, n.Doubled = 0, 0
	put("logs/a b%c.manifest")
	if err := n.Run(t.Context(), stop); err != nil {
		t.Fatal(err)
	}
	if told["logs/a+b%25c.manifest"] != 3 || n.GivenUp.Load() != 1 {
		t.Errorf("a key with a space and a percent sign was told of %d times, %d given up", told["logs/a+b%25c.manifest"], n.GivenUp.Load())
	}
}

func TestScheduleDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		var calls, running, most atomic.Int64
		go func() {
			time.Sleep(100 * time.Second)
			close(stop)
		}()
		Schedule(t.Context(), stop, time.Second, func(context.Context) {
			calls.Add(1)
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(2500 * time.Millisecond)
			running.Add(-1)
		})
		if calls.Load() < 99 || most.Load() < 3 || running.Load() != 0 {
			t.Errorf("%d calls, at most %d at once, %d at the end", calls.Load(), most.Load(), running.Load())
		}
	})
}
