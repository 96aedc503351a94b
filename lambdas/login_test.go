package lambdas

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ikada-io/ikada/internal/awstest"
	"github.com/ikada-io/ikada/redshiftstandin"
)

const secretARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:load"

// The load function connects as whom AWS names, and nobody else gets in.
func TestLoadLogsInByAWS(t *testing.T) {
	c := newCloud(t)
	standin, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{c.buffer, c.archive, c.manifest}, User: "loader", Password: "hush"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standin.Close() })
	dsn := strings.Replace(standin.URL(), "loader:hush@", "", 1)
	bootstrap := awstest.Build(t, "./cmd/ikada-lambda-load")
	for _, o := range []struct {
		settings []string
		want     string // what is asked for
	}{
		{[]string{"IKADA_REDSHIFT_SECRET_ARN=" + secretARN, "IKADA_REDSHIFT_WORKGROUP=logs"}, "GetSecretValue " + secretARN},
		{[]string{"IKADA_REDSHIFT_CLUSTER=logs", "IKADA_REDSHIFT_USER=loader"}, "GetClusterCredentials logs loader"},
		{[]string{"IKADA_REDSHIFT_WORKGROUP=logs"}, "GetCredentials logs"},
	} {
		logins := awstest.StartLogins(t, "loader", "hush")
		env := slices.Concat(c.env, logins.Env(), o.settings, []string{"IKADA_REDSHIFT_DSN=" + dsn})
		if _, err := awstest.NewLambda(t, bootstrap, env...).Invoke(t.Context(), nil); err != nil {
			t.Errorf("%v: %v", o.settings, err)
		}
		if calls := logins.Calls(); len(calls) != 1 || !strings.HasPrefix(calls[0], o.want) {
			t.Errorf("asked for %q, want %q once", calls, o.want)
		}
		logins.SetPassword("hush, but wrong")
		_, err := awstest.NewLambda(t, bootstrap, env...).Invoke(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), "password authentication failed") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v: %v", o.settings, err)
		}
		logins.Fail("ExpiredTokenException")
		_, err = awstest.NewLambda(t, bootstrap, env...).Invoke(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), "the AWS credentials have expired") {
			t.Errorf("%v: %v", o.settings, err)
		}
	}
	env := slices.Concat(c.env, []string{"IKADA_REDSHIFT_CLUSTER=logs", "IKADA_REDSHIFT_DSN=" + dsn})
	_, err = awstest.NewLambda(t, bootstrap, env...).Invoke(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "want IKADA_REDSHIFT_SECRET_ARN or IKADA_REDSHIFT_USER") {
		t.Errorf("%v", err)
	}
}

// Over the Data API AWS reads the secret itself: it is told which.
func TestDataAPILogsInByASecret(t *testing.T) {
	c := newCloud(t)
	standin, err := redshiftstandin.Start(redshiftstandin.Options{Objects: objects{c.buffer, c.archive, c.manifest}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standin.Close() })
	var with, without atomic.Int64
	inner := standin.DataAPI()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "ExecuteStatement") {
			if bytes.Contains(body, []byte(`"SecretArn":"`+secretARN+`"`)) && !bytes.Contains(body, []byte("DbUser")) {
				with.Add(1)
			} else {
				without.Add(1)
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)
	env := slices.Concat(c.env, []string{
		"AWS_ENDPOINT_URL_REDSHIFT_DATA=" + api.URL, "IKADA_REDSHIFT_WORKGROUP=logs", "IKADA_REDSHIFT_DATABASE=dev", "IKADA_REDSHIFT_SECRET_ARN=" + secretARN,
	})
	if _, err := awstest.NewLambda(t, awstest.Build(t, "./cmd/ikada-lambda-load"), env...).Invoke(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if with.Load() == 0 || without.Load() != 0 {
		t.Errorf("%d statements with the secret, %d without", with.Load(), without.Load())
	}
}
