package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

// fallbackRegion is for stores of others, which mostly do not care.
const fallbackRegion = "us-east-1"

// newClient makes a client of the SDK. What the options leave open comes from
// AWS's standard chain: region, endpoint, credentials, proxies.
func newClient(ctx context.Context, o Options) (*sdk.Client, error) {
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 64 // parallel writers come back to their connections
		})),
		config.WithLogger(logging.Nop{}), // the default one prints to stderr
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.Credentials.Set() {
		load = append(load, config.WithCredentialsProvider(o.Credentials))
	}
	c, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration (environment, ~/.aws): %w", err)
	}
	if !o.Credentials.Set() {
		c.Credentials = chain{c.Credentials} // which caches
	}
	client := sdk.NewFromConfig(c, func(s *sdk.Options) {
		if o.Endpoint != "" {
			s.BaseEndpoint = &o.Endpoint
		}
		if s.Region == "" && s.BaseEndpoint != nil {
			s.Region = fallbackRegion
		}
		s.UsePathStyle = o.PathStyle
		s.Retryer = aws.NopRetryer{} // try retries: it knows what an attempt may have done
		s.DisableLogOutputChecksumValidationSkipped = true
	})
	if client.Options().Region == "" {
		return nil, errors.New("the region is not known: set region, AWS_REGION, or region in ~/.aws/config")
	}
	return client, nil
}

// unsigned leaves the body out of the signature where TLS protects it: hashing
// it would cost more than compressing it did. The checksum in the header is
// signed, and the store compares it with the body.
func unsigned(o *sdk.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}
