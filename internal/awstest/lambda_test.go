package awstest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLambdaRunsARealBootstrap(t *testing.T) {
	l := NewLambda(t, Build(t, "./internal/awstest/testfunction"), "FROM_TEST=yes")
	type event struct{ Do, Text string }
	call := func(e event) (got struct {
		Text, Env string
		Calls     int
		Left      float64
	}, err error) {
		answer, err := l.Invoke(t.Context(), e)
		if err == nil {
			err = json.Unmarshal(answer, &got)
		}
		return got, err
	}
	got, err := call(event{Text: "日本"})
	if first := l.Started(); first <= 0 || first > time.Minute {
		t.Errorf("it was ready after %v", first)
	}
	if err != nil || got.Text != "日本" || got.Env != "yes" || got.Calls != 1 || got.Left < 60 {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = call(event{Do: "fail", Text: "no reason"})
	if failed := (*FunctionError)(nil); !errors.As(err, &failed) || failed.Message != "no reason" {
		t.Errorf("%v", err)
	}
	if got, err = call(event{}); err != nil || got.Calls != 3 || l.Starts() != 1 {
		t.Errorf("a failure ended the process: %+v, %v, %d starts", got, err, l.Starts())
	}
	if _, err = call(event{Do: "exit"}); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("%v", err)
	}
	if got, err = call(event{}); err != nil || got.Calls != 1 || l.Starts() != 2 {
		t.Errorf("no cold start: %+v, %v, %d starts", got, err, l.Starts())
	}
	l.Timeout = 200 * time.Millisecond
	if _, err = call(event{Do: "sleep"}); !errors.Is(err, ErrTimeout) {
		t.Errorf("%v", err)
	}
	l.Timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err = l.Invoke(ctx, event{Do: "sleep"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if got, err = call(event{}); err != nil || got.Calls != 1 || l.Starts() != 4 {
		t.Errorf("%+v, %v, %d starts", got, err, l.Starts())
	}
}
