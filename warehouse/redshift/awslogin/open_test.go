package awslogin

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ikada-io/ikada/internal/awstest"
)

const arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:load"

// asking makes the SDK ask a server of the test.
func asking(t *testing.T) *awstest.Logins {
	t.Helper()
	l := awstest.StartLogins(t, "loader", "hush")
	for _, e := range append(l.Env(), "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDOFTHETESTS", "AWS_SECRET_ACCESS_KEY=secret-of-the-tests", "AWS_EC2_METADATA_DISABLED=true") {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	return l
}

func TestEachLoginAsksItsService(t *testing.T) {
	l := asking(t)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{SecretARN: arn, Cluster: "logs"}, "GetSecretValue " + arn},
		{Options{Cluster: "logs", User: "loader", Database: "dev"}, "GetClusterCredentials logs loader dev"},
		{Options{Cluster: "logs", Database: "dev"}, "GetClusterCredentialsWithIAM logs  dev"},
		{Options{Workgroup: "logs", Database: "dev"}, "GetCredentials logs dev"},
	} {
		login, err := Open(t.Context(), c.o)
		if err != nil {
			t.Fatal(err)
		}
		user, password, expires, err := login.Login(t.Context())
		if err != nil || user != "loader" || password != "hush" || time.Until(expires) < 10*time.Minute {
			t.Errorf("%+v: %q, %v, %v", c.o, user, expires, err)
		}
		if calls := l.Calls(); calls[len(calls)-1] != c.want {
			t.Errorf("asked for %q, want %q", calls[len(calls)-1], c.want)
		}
	}
}

func TestRefusedLoginsSayWhatToDo(t *testing.T) {
	l := asking(t)
	for _, o := range []Options{{SecretARN: arn}, {Cluster: "logs", User: "loader"}, {Cluster: "logs"}, {Workgroup: "logs"}} {
		login, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for code, want := range map[string]string{
			"ExpiredTokenException": "the AWS credentials have expired", "ExpiredToken": "the AWS credentials have expired",
			"AccessDeniedException": "allow ", "InvalidClientTokenId": "check access key", "ResourceNotFoundException": "look at its name",
		} {
			l.Fail(code)
			_, _, _, err := login.Login(t.Context())
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), code) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%+v, %s: %v", o, code, err)
			}
		}
	}
}

func TestNothingToLogInBy(t *testing.T) {
	asking(t)
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("no error")
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "none")
	if _, err := Open(t.Context(), Options{Workgroup: "logs"}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("%v", err)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]Address{
		"postgres://host:5439/dev":                           {"postgres://host:5439/dev?sslmode=verify-full", "", "dev"},
		"postgresql://loader@host/dev?sslmode=disable":       {"postgresql://loader@host/dev?sslmode=disable", "loader", "dev"},
		"postgres://host:5439/dev?connect_timeout=5":         {"postgres://host:5439/dev?connect_timeout=5&sslmode=verify-full", "", "dev"},
		"postgres://a%40b@host:5439/dev?sslmode=verify-full": {"postgres://a%40b@host:5439/dev?sslmode=verify-full", "a@b", "dev"},
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	var messages []string
	for _, text := range []string{"", "host=hush", "mysql://host/hush", "postgres:///hush", "postgres://hush", "postgres://u:hush@host/dev", "postgres://host/dev?password=hush", "postgres://u:hush@ho st/dev"} {
		_, err := ParseAddress(text)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", text, err)
			continue
		}
		messages = append(messages, err.Error())
	}
	if slices.Sort(messages); len(slices.Compact(messages)) != 2 {
		t.Errorf("%q", messages)
	}
}
