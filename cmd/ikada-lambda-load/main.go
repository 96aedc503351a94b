// Command ikada-lambda-load is the Lambda function of the stage load.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/ikada-io/ikada/lambdas"
)

func main() {
	lambdas.LimitMemory(lambdas.OSEnv)
	log := lambdas.Log()
	f, err := lambdas.NewLoad(context.Background(), lambdas.OSEnv, log)
	if err != nil {
		log.Error("the function cannot start", "error", err)
		os.Exit(1)
	}
	lambda.Start(f.Handle)
}
