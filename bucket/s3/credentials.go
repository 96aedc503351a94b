package s3

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Credentials are those of a user or of a session. Whatever prints them prints
// ***, and nothing if there are none.
//
// The zero value stands for AWS's standard chain: the environment
// (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; a web
// identity), the shared files (~/.aws/config and ~/.aws/credentials, the
// profile from AWS_PROFILE), then the role of the container or machine.
type Credentials struct {
	// Behind a pointer, so that printing a struct which holds Credentials deep
	// inside cannot show them either.
	keys *keys
}

type keys struct{ id, secret, session string }

// NewCredentials makes Credentials of an access key, its secret and, for a
// session, the session's token.
func NewCredentials(accessKeyID, secretAccessKey, sessionToken string) Credentials {
	return Credentials{&keys{accessKeyID, secretAccessKey, sessionToken}}
}

// Set reports whether there are credentials.
func (c Credentials) Set() bool { return c.keys != nil }

func (c Credentials) String() string {
	if !c.Set() {
		return ""
	}
	return "***"
}

// Format covers every verb of fmt, %d and %x included.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is for encoding/json and the like.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Retrieve gives the credentials to the SDK.
func (c Credentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{
		AccessKeyID:     c.keys.id,
		SecretAccessKey: c.keys.secret,
		SessionToken:    c.keys.session,
		Source:          "Options",
	}, nil
}

// chain marks the errors of another provider. It has retried on its own, so an
// error is not one of the store that a retry may cure.
type chain struct{ aws.CredentialsProvider }

func (c chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	got, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return got, &noCredentialsError{err}
	}
	return got, nil
}

type noCredentialsError struct{ err error }

func (e *noCredentialsError) Error() string { return "find credentials: " + e.err.Error() }
func (e *noCredentialsError) Unwrap() error { return e.err }
