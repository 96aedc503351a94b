package kinesis

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go/logging"
)

// newClient makes a client of the SDK and notes the region that it has found.
func newClient(ctx context.Context, opts *Options) (*sdk.Client, error) {
	load := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})} // the default one prints
	if opts.Region != "" {
		load = append(load, config.WithRegion(opts.Region))
	}
	if opts.Credentials != nil {
		load = append(load, config.WithCredentialsProvider(opts.Credentials))
	}
	c, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration (environment, ~/.aws): %w", err)
	}
	if opts.Region = c.Region; opts.Region == "" {
		return nil, errors.New("the region is not known: set it, or AWS_REGION, or region in ~/.aws/config")
	}
	c.Credentials = provider{c.Credentials} // which caches
	return sdk.NewFromConfig(c, func(s *sdk.Options) {
		if opts.Endpoint != "" {
			s.BaseEndpoint = &opts.Endpoint
		}
		// A retry of the SDK would send the whole request again.
		s.Retryer = aws.NopRetryer{}
	}), nil
}

// provider marks its errors, which the SDK gives no type.
type provider struct{ aws.CredentialsProvider }

func (p provider) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := p.CredentialsProvider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", errCredentials, err)
	}
	return c, err
}

// listShards returns the hash keys of the open shards, in their order.
func listShards(ctx context.Context, client api, opts *Options) ([]hashRange, error) {
	var ranges []hashRange
	in := &sdk.ListShardsInput{StreamName: &opts.Stream}
	for {
		out, err := client.ListShards(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, s := range out.Shards {
			if s.SequenceNumberRange != nil && s.SequenceNumberRange.EndingSequenceNumber != nil {
				continue // closed: it was split or merged
			}
			if s.HashKeyRange == nil {
				return nil, fmt.Errorf("shard %s has no hash keys", aws.ToString(s.ShardId))
			}
			first, ok1 := new(big.Int).SetString(aws.ToString(s.HashKeyRange.StartingHashKey), 10)
			last, ok2 := new(big.Int).SetString(aws.ToString(s.HashKeyRange.EndingHashKey), 10)
			if !ok1 || !ok2 || first.Cmp(last) > 0 {
				return nil, fmt.Errorf("the hash keys of shard %s are no range", aws.ToString(s.ShardId))
			}
			ranges = append(ranges, hashRange{first, last.Sub(last, first).Add(last, big.NewInt(1))})
		}
		if aws.ToString(out.NextToken) == "" {
			break
		}
		in = &sdk.ListShardsInput{NextToken: out.NextToken} // which stands for the name
	}
	if len(ranges) == 0 {
		return nil, errors.New("the stream has no open shard")
	}
	slices.SortFunc(ranges, func(a, b hashRange) int { return a.first.Cmp(b.first) })
	return ranges, nil
}
