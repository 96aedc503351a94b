package s3

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// try makes a call until it succeeds, fails for good or has had its attempts.
func (b *Bucket) try(ctx context.Context, verb, key string, call func(context.Context, *attempt) error) error {
	for n := 1; ; n++ {
		err := b.once(ctx, n, call)
		if err == nil {
			b.seen.Store(true)
			return nil
		}
		if ctx.Err() == nil && retryable(err) && n < b.opts.MaxAttempts {
			_ = b.pause(ctx, n) // if it ends early, so has ctx
		} else if ctx.Err() == nil {
			return b.explain(verb, key, n, err)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s %s: %w", verb, b.URL(key), context.Cause(ctx))
		}
	}
}

// once makes one attempt.
func (b *Bucket) once(ctx context.Context, n int, call func(context.Context, *attempt) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	watched, a, stop := watch(ctx, b.opts.Stall)
	a.number, a.counter = n, &b.counter
	defer stop()
	err := call(watched, a)
	if err != nil && errors.Is(context.Cause(watched), errStalled) {
		return fmt.Errorf("%w: nothing moved for %s", errStalled, b.opts.Stall)
	}
	return err
}

const (
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

// pause waits before the attempt after the n-th: a random time, so that many
// who were refused together do not come back together.
func pause(ctx context.Context, n int) error {
	most := min(maxPause, firstPause<<min(n, 10))
	timer := time.NewTimer(most/4 + rand.N(most*3/4))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// curable are refusals that may not come again.
var curable = []string{
	"ConditionalRequestConflict", // another conditional write of the key is under way
	"OperationAborted",
	"ExistingObjectIsDirectory",                                                               // versitygw, where a Delete has just removed the folder
	"RequestTimeout",                                                                          // the body came too slowly, or not at all
	"RequestTimeTooSkewed",                                                                    // the client has learnt the store's clock by it
	"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "IncompleteBody", // damaged on the way
	"SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "RequestLimitExceeded",
}

func retryable(err error) bool {
	var noCredentials *noCredentialsError
	var unsent *smithyhttp.RequestSendError
	var garbled *smithy.DeserializationError
	switch s := status(err); {
	case errors.As(err, &noCredentials):
		return false
	case errors.Is(err, errStalled) || errors.Is(err, errBroken):
		return true
	case s >= 500:
		return s != http.StatusNotImplemented
	case s >= 400:
		return s == http.StatusTooManyRequests || slices.Contains(curable, code(err))
	default:
		return errors.As(err, &unsent) || errors.As(err, &garbled)
	}
}

// mayHaveWorked reports whether a write that ended with an error can have been
// done all the same.
func mayHaveWorked(err error) bool {
	s := status(err)
	return err != nil && (s < 400 || s >= 500)
}

// unanswered reports whether a request ended without an answer of the store.
func unanswered(err error) bool { return err != nil && status(err) == 0 }

// errBroken is a response that ended early or came damaged.
var errBroken = errors.New("the response broke off")

// status is the HTTP status of an error of the store, 0 if it sent none.
func status(err error) int {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil || answer.Response.Response == nil {
		return 0
	}
	return answer.Response.StatusCode
}

// code is the name of an error of the store, such as "NoSuchKey".
func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}
