package s3

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/ikada-io/ikada"
)

// explain makes the error of a call: what was being done to what, why it
// failed, and what to do about it.
func (b *Bucket) explain(verb, key string, attempts int, err error) error {
	what := verb + " " + b.URL(key)
	if attempts > 1 {
		what = fmt.Sprintf("%s (%d attempts)", what, attempts)
	}
	return fmt.Errorf("%s: %w", what, readable(err, b.opts.Endpoint))
}

// readable gives an error of the SDK a text without its repetitions.
func readable(err error, endpoint string) error {
	var api smithy.APIError
	var unsent *smithyhttp.RequestSendError
	var request *url.Error
	switch {
	case status(err) != 0 && errors.As(err, &api):
		return &refusal{api: api, status: status(err), id: requestID(err), hint: hint(err), err: err}
	case errors.As(err, &unsent):
		cause := unsent.Err
		if errors.As(cause, &request) { // it repeats the URL
			cause = request.Err
		}
		if endpoint == "" {
			endpoint = "the store"
		}
		return fmt.Errorf("talk to %s: %w", endpoint, cause)
	default:
		return err
	}
}

// refusal is an answer of the store that says no.
type refusal struct {
	api    smithy.APIError
	status int
	id     string
	hint   string
	err    error
}

func (r *refusal) Error() string {
	text := r.api.ErrorCode()
	if message := r.api.ErrorMessage(); message != "" && message != text {
		text += ": " + strings.TrimSuffix(message, ".")
	}
	text += fmt.Sprintf(" (status %d", r.status)
	if r.id != "" {
		text += ", request " + r.id
	}
	text += ")"
	if r.hint != "" {
		text += "; " + r.hint
	}
	return text
}

func (r *refusal) Unwrap() error { return r.err }

// requestID is what the store's operators ask for.
func requestID(err error) string {
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) {
		return ""
	}
	return answer.RequestID
}

const permissions = "the credentials lack a permission: grant s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, " +
	"s3:ListBucket on the bucket (without it an absent object looks like this too), and kms:GenerateDataKey and kms:Decrypt on a key of KMS"

const unknownKey = "the store does not know the access key: check the credentials and the endpoint"

const expired = "the session of the credentials has ended: get new ones"

var hints = map[string]string{
	"NoSuchBucket":          "make the bucket, or correct its name",
	"AccessDenied":          permissions,
	"Forbidden":             permissions,
	"AllAccessDisabled":     "the bucket or the account is disabled",
	"InvalidAccessKeyId":    unknownKey,
	"XAdminUserNotFound":    unknownKey, // versitygw
	"SignatureDoesNotMatch": "the secret key is not that of the access key: check the credentials; or something between here and the store changes requests",
	"ExpiredToken":          expired,
	"TokenRefreshRequired":  expired,
	"InvalidToken":          "the session token is not valid: check the credentials",
	"RequestTimeTooSkewed":  "set this machine's clock",
	"SlowDown":              "the store throttles: fewer and larger objects help",
	"NotImplemented":        "the store cannot do this: it must know conditional writes (If-None-Match) and checksums",
}

// hint says what to do about an error of the store.
func hint(err error) string {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) {
		return ""
	}
	c := code(err)
	switch region := answer.Response.Header.Get("X-Amz-Bucket-Region"); {
	case strings.HasPrefix(c, "KMS."):
		return "check the key of KMS: its region, its state and its policy"
	case status(err)/100 != 3 && c != "AuthorizationHeaderMalformed" && c != "IllegalLocationConstraintException":
		return hints[c]
	case region != "":
		return "the bucket is in another region: set region to " + region
	default:
		return "the bucket is in another region, or the endpoint is not that of the region: correct region and endpoint"
	}
}

// absent turns the store's way of saying that a key is absent into ours. That
// the bucket is absent is another matter.
func (b *Bucket) absent(err error) error {
	switch code(err) {
	case "NoSuchKey":
		b.seen.Store(true)
		return ikada.ErrNotFound
	case "NotFound": // a HEAD has no room for more
		return ikada.ErrNotFound
	}
	return err
}
