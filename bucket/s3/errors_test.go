package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/internal/awstest"
)

func TestWrongSettingsAreExplained(t *testing.T) {
	server := awstest.StartS3(t)
	name := server.NewBucket(t)
	for what, c := range map[string]struct {
		change func(*Options)
		want   []string
	}{
		"wrong secret": {
			func(o *Options) { o.Credentials = NewCredentials(server.AccessKeyID, "wrong-secret-0123", "") },
			[]string{"SignatureDoesNotMatch", "status 403", "the secret key is not that of the access key"},
		},
		"wrong access key": {
			func(o *Options) { o.Credentials = NewCredentials("AKIDUNKNOWN", server.SecretAccessKey, "") },
			[]string{"XAdminUserNotFound", "does not know the access key"},
		},
		"missing bucket": {
			func(o *Options) { o.Bucket = "not-there" },
			[]string{"NoSuchBucket", "status 404", "make the bucket, or correct its name"},
		},
		"wrong region": {
			func(o *Options) { o.Region = "us-west-2" },
			[]string{"AuthorizationHeaderMalformed", "correct region and endpoint"},
		},
		"nobody there": {
			func(o *Options) { o.Endpoint, o.MaxAttempts = "http://127.0.0.1:1", 2 },
			[]string{"2 attempts", "talk to http://127.0.0.1:1", "connection refused"},
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := options(server, name)
			c.change(&o)
			b := open(t, o)
			errs := all(t.Context(), b, "a/b")
			errs["ask for"] = b.Verify(t.Context())
			for call, err := range errs {
				switch {
				case err == nil:
					t.Errorf("%s: no error", call)
					continue
				case errors.Is(err, ikada.ErrNotFound) || errors.Is(err, ikada.ErrExists):
					t.Errorf("%s: %v", call, err)
				case strings.Contains(err.Error(), server.SecretAccessKey) || strings.Contains(err.Error(), "wrong-secret"):
					t.Errorf("%s shows a secret: %v", call, err)
				}
				for _, want := range append(c.want, call, "s3://"+o.Bucket+"/") {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: %q is not in: %v", call, want, err)
					}
				}
			}
		})
	}
}

// What the server of the tests never says, but AWS does.
func TestAnswersOfAWSAreExplained(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		region string
		want   string
	}{
		{http.StatusForbidden, "AccessDenied", "", "s3:ListBucket on the bucket"},
		{http.StatusForbidden, "InvalidAccessKeyId", "", "does not know the access key"},
		{http.StatusBadRequest, "ExpiredToken", "", "the session of the credentials has ended"},
		{http.StatusMovedPermanently, "PermanentRedirect", "eu-west-1", "set region to eu-west-1"},
		{http.StatusBadRequest, "AuthorizationHeaderMalformed", "eu-west-1", "set region to eu-west-1"},
		{http.StatusForbidden, "KMS.DisabledException", "", "check the key of KMS"},
	} {
		t.Run(c.code, func(t *testing.T) {
			b, _ := faultyBucket(t, &faulty{fault: func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if c.region != "" {
					w.Header().Set("X-Amz-Bucket-Region", c.region)
				}
				return refuse(w, r, c.status, c.code)
			}})
			for call, err := range all(t.Context(), b, "a/b") {
				if err == nil || !strings.Contains(err.Error(), c.code) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v, want it to say %q", call, err, c.want)
				}
			}
			if got := b.Requests(); got.Retries != 0 {
				t.Errorf("requests %+v: it was retried", got)
			}
		})
	}
}

// A 404 without a text is looked into once, and then believed.
func TestAbsentObjectsCostOneRequest(t *testing.T) {
	server := awstest.StartS3(t)
	b := open(t, options(server, server.NewBucket(t)))
	for range 5 {
		if _, err := b.Stat(t.Context(), "a"); !errors.Is(err, ikada.ErrNotFound) {
			t.Error(err)
		}
	}
	if got, want := b.Requests(), (Requests{Head: 5, List: 1}); got != want {
		t.Errorf("requests %+v, want %+v", got, want)
	}
}

// Without credentials an error comes soon: the store has no part in it.
func TestNoCredentials(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/absent", "AWS_SHARED_CREDENTIALS_FILE": "/absent", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
	} {
		t.Setenv(name, value)
	}
	b := open(t, Options{Bucket: "logs", Region: "eu-west-1", Endpoint: "http://127.0.0.1:1"})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := b.Create(ctx, "a")
	if err == nil || !strings.Contains(err.Error(), "find credentials") || b.Requests().Total() != 1 {
		t.Errorf("error %v, requests %+v", err, b.Requests())
	}
}

// The standard chain: credentials and region from the shared files.
func TestCredentialsOfTheEnvironment(t *testing.T) {
	server := awstest.StartS3(t)
	t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretAccessKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", server.Region)
	t.Setenv("AWS_ENDPOINT_URL_S3", server.Endpoint)
	b := open(t, Options{Bucket: server.NewBucket(t), PathStyle: true})
	if err := b.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}
