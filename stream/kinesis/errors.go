package kinesis

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"github.com/ikada-io/ikada"
)

// refusal is what a request that went through says of a record that did not.
type refusal struct{ code, message string }

func (r *refusal) Error() string                 { return r.code + ": " + r.message }
func (r *refusal) ErrorCode() string             { return r.code }
func (r *refusal) ErrorMessage() string          { return r.message }
func (r *refusal) ErrorFault() smithy.ErrorFault { return smithy.FaultServer }

// errCredentials: there are none to be had.
var errCredentials = errors.New("no credentials")

// passing reports whether an error may go away by itself, so that the record is
// to be sent again: the stream takes no more just now, the service or the
// network fails. What was sent may be stored then; its dedupe keys tell.
func passing(err error) bool {
	if errors.Is(err, errCredentials) {
		return false
	}
	api := smithy.APIError(nil)
	if !errors.As(err, &api) {
		return true // no answer
	}
	switch api.ErrorCode() {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "LimitExceededException",
		"KMSThrottlingException", "RequestLimitExceeded", "SlowDown", "ResourceInUseException", "RequestTimeout":
		return true
	case "InternalFailure", "InternalFailureException", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException":
		return true
	}
	return api.ErrorFault() == smithy.FaultServer || status(err) >= 500 || status(err) == 429
}

// status returns the HTTP status of an answer, or 0.
func status(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// advise says what to do about an error.
func advise(err error, opts *Options) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, errCredentials) {
		return fmt.Errorf("%w: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or give the machine a role", err)
	}
	api := smithy.APIError(nil)
	if !errors.As(err, &api) {
		return fmt.Errorf("%w: is %s to be reached from here?", err, endpointName(opts))
	}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		return fmt.Errorf("stream %s is not in region %s (%w): create it, or mend name or region: %w", opts.Stream, opts.Region, err, ikada.ErrNotFound)
	case "ResourceInUseException":
		return fmt.Errorf("%w: the stream is being made or deleted; wait until it is active", err)
	case "ProvisionedThroughputExceededException":
		return fmt.Errorf("%w: a shard takes 1 MB and 1,000 records a second; add shards, or set the stream to on-demand", err)
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return fmt.Errorf("%w: the credentials have expired; renew the session, or use a role, which renews itself", err)
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
		"IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException":
		return fmt.Errorf("%w: check access key, secret and session token, and this machine's clock", err)
	case "AccessDeniedException", "AccessDenied", "OptInRequired":
		return fmt.Errorf("%w: allow kinesis:ListShards and kinesis:PutRecords on the stream", err)
	case "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException", "KMSOptInRequired":
		return fmt.Errorf("%w: enable the stream's KMS key, and allow kms:GenerateDataKey on it", err)
	}
	return err
}

func endpointName(opts *Options) string {
	if opts.Endpoint != "" {
		return opts.Endpoint
	}
	return "Kinesis of region " + opts.Region
}
