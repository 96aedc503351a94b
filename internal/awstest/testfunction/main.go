// Command testfunction is the Lambda function that the harness is tested with.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct{ Do, Text string }

func main() {
	calls := 0
	lambda.Start(func(ctx context.Context, e event) (map[string]any, error) {
		calls++
		switch e.Do {
		case "fail":
			return nil, errors.New(e.Text)
		case "exit":
			os.Exit(3)
		case "sleep":
			time.Sleep(time.Minute)
		}
		deadline, _ := ctx.Deadline()
		return map[string]any{"text": e.Text, "calls": calls, "env": os.Getenv("FROM_TEST"), "left": time.Until(deadline).Seconds()}, nil
	})
}
