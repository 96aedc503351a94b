package s3

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/ikada-io/ikada/bucket"
)

// Options say where a bucket is and how to talk to it.
type Options struct {
	Bucket string // required
	Prefix string // what all keys of the store begin with, without '/' at the end; "" for none

	// Region and Endpoint are those of AWS's standard chain if empty
	// (AWS_REGION, AWS_ENDPOINT_URL_S3, ~/.aws/config). The endpoint is for
	// stores of others: "https://minio.example:9000".
	Region   string
	Endpoint string
	// PathStyle puts the bucket into the path, not into the host's name. Most
	// stores of others need it.
	PathStyle bool

	Credentials Credentials // zero: AWS's standard chain

	// SSE is the encryption to ask for, "AES256", "aws:kms" or "aws:kms:dsse".
	// Empty: the bucket's default, or aws:kms if there is a KMSKeyID.
	SSE      string
	KMSKeyID string // id, ARN or alias; empty: AWS's own key

	MaxAttempts int // of each call; 0: 8
	// Stall ends an attempt in which nothing moved for so long; 0: 30s. Of a
	// write it is more, up to twice with 4 MiB, which may wait in buffers.
	Stall time.Duration
}

// Parse reads options from a URL:
//
//	s3://BUCKET/PREFIX?region=…&endpoint=…&path_style=true&sse=aws:kms&kms_key=…&max_attempts=8&stall=30s
//
// Credentials have no place in it: URLs are shown and logged.
func Parse(text string) (Options, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Options{}, errors.New("parse the URL of a bucket: it is none: want s3://BUCKET/PREFIX?region=…")
	case u.User != nil:
		return Options{}, errors.New("parse the URL of a bucket: it holds credentials, which URLs must not: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case u.Scheme != "s3" || u.Host == "" || u.Fragment != "":
		return Options{}, fmt.Errorf("parse %q: want s3://BUCKET/PREFIX?region=…", text)
	}
	o := Options{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Options{}, fmt.Errorf("parse %q: %w", text, err)
	}
	for name, values := range query {
		if len(values) > 1 {
			return Options{}, fmt.Errorf("parse the URL of bucket %s: %s is given twice", o.Bucket, name)
		}
		if err := o.set(name, values[0]); err != nil {
			return Options{}, fmt.Errorf("parse the URL of bucket %s: %s: %w", o.Bucket, name, err)
		}
	}
	_, err = o.complete()
	return o, err
}

func (o *Options) set(name, value string) error {
	switch name {
	case "region":
		o.Region = value
	case "endpoint":
		o.Endpoint = value
	case "path_style":
		if value != "true" && value != "false" {
			return fmt.Errorf("%q: want true or false", value)
		}
		o.PathStyle = value == "true"
	case "sse":
		o.SSE = value
	case "kms_key":
		o.KMSKeyID = value
	case "max_attempts":
		if _, err := fmt.Sscanf(value+"\n", "%d\n", &o.MaxAttempts); err != nil || o.MaxAttempts < 1 {
			return fmt.Errorf("%q: want a number from 1", value)
		}
	case "stall":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q: want a time such as 30s", value)
		}
		o.Stall = d
	default:
		return errors.New("no such setting: want region, endpoint, path_style, sse, kms_key, max_attempts or stall")
	}
	return nil
}

const (
	defaultAttempts = 8
	defaultStall    = 30 * time.Second
)

// A key of the store has at most 1,024 bytes, and one of the contract 900.
const maxPrefix = 1024 - 900 - 1

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// complete checks the options and fills in what is not set.
func (o Options) complete() (Options, error) {
	switch {
	case !bucketName.MatchString(o.Bucket):
		return o, fmt.Errorf("bucket %q: want 3 to 63 of a-z 0-9 . - with a letter or digit at both ends", o.Bucket)
	case strings.HasSuffix(o.Bucket, "--x-s3"):
		return o, fmt.Errorf("bucket %s is a directory bucket, which does not list in the order of keys: use a general purpose bucket", o.Bucket)
	}
	if o.Prefix != "" {
		if err := bucket.Check(o.Prefix); err != nil {
			return o, fmt.Errorf("prefix in bucket %s: %w", o.Bucket, err)
		}
		if len(o.Prefix) > maxPrefix {
			return o, fmt.Errorf("prefix in bucket %s has %d bytes: want at most %d", o.Bucket, len(o.Prefix), maxPrefix)
		}
	}
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			return o, fmt.Errorf("endpoint of bucket %s: want one like https://minio.example:9000", o.Bucket)
		}
	}
	return o.fill()
}

func (o Options) fill() (Options, error) {
	if o.SSE == "" && o.KMSKeyID != "" {
		o.SSE = "aws:kms"
	}
	switch o.SSE {
	case "", "AES256", "aws:kms", "aws:kms:dsse":
	default:
		return o, fmt.Errorf("encryption %q of bucket %s: want AES256, aws:kms or aws:kms:dsse", o.SSE, o.Bucket)
	}
	if o.SSE == "AES256" && o.KMSKeyID != "" {
		return o, fmt.Errorf("encryption of bucket %s: AES256 has no key of KMS: want aws:kms", o.Bucket)
	}
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = defaultAttempts
	}
	if o.Stall <= 0 {
		o.Stall = defaultStall
	}
	return o, nil
}
