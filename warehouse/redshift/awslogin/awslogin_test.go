package awslogin

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// The SDK's own clients are what is meant.
var (
	_ ClusterClient    = (*redshift.Client)(nil)
	_ ServerlessClient = (*redshiftserverless.Client)(nil)
	_ SecretClient     = (*secretsmanager.Client)(nil)
)

type fake struct {
	t      *testing.T
	secret string
	end    time.Time
}

func (f fake) GetClusterCredentialsWithIAM(_ context.Context, in *redshift.GetClusterCredentialsWithIAMInput, _ ...func(*redshift.Options)) (*redshift.GetClusterCredentialsWithIAMOutput, error) {
	if *in.ClusterIdentifier != "logs" || *in.DbName != "dev" || *in.DurationSeconds != 3600 {
		f.t.Errorf("asked for %v", in)
	}
	return &redshift.GetClusterCredentialsWithIAMOutput{DbUser: aws.String("IAMR:load"), DbPassword: aws.String("hush"), Expiration: &f.end}, nil
}

func (f fake) GetClusterCredentials(_ context.Context, in *redshift.GetClusterCredentialsInput, _ ...func(*redshift.Options)) (*redshift.GetClusterCredentialsOutput, error) {
	if *in.DbUser != "loader" || *in.AutoCreate {
		f.t.Errorf("asked for %v", in)
	}
	return &redshift.GetClusterCredentialsOutput{DbUser: aws.String("IAM:loader"), DbPassword: aws.String("hush"), Expiration: &f.end}, nil
}

func (f fake) GetCredentials(_ context.Context, in *redshiftserverless.GetCredentialsInput, _ ...func(*redshiftserverless.Options)) (*redshiftserverless.GetCredentialsOutput, error) {
	if *in.WorkgroupName != "logs" || in.DbName != nil {
		f.t.Errorf("asked for %v", in)
	}
	return &redshiftserverless.GetCredentialsOutput{DbUser: aws.String("IAMR:load"), DbPassword: aws.String("hush"), Expiration: &f.end}, nil
}

func (f fake) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return &secretsmanager.GetSecretValueOutput{SecretString: &f.secret}, nil
}

func TestLogin(t *testing.T) {
	f := fake{t: t, secret: `{"username":"loader","password":"hush","engine":"redshift"}`, end: time.Now().Add(time.Hour).UTC()}
	for want, login := range map[string]interface {
		Login(context.Context) (string, string, time.Time, error)
	}{
		"IAMR:load":  Cluster{Client: f, Identifier: "logs", Database: "dev"},
		"IAM:loader": Cluster{Client: f, Identifier: "logs", Database: "dev", User: "loader"},
		"IAMR:load ": Serverless{Client: f, Workgroup: "logs"},
		"loader":     Secret{Client: f, ARN: "arn"},
	} {
		user, password, expires, err := login.Login(t.Context())
		if err != nil || user != strings.TrimSpace(want) || password != "hush" || time.Until(expires) < time.Minute {
			t.Errorf("%T: got %q, %v, %v", login, user, expires, err)
		}
	}
}

func TestBadSecretIsNotShown(t *testing.T) {
	for _, secret := range []string{`hush`, `{"username":"hush"}`, `["hush"]`, ``} {
		_, _, _, err := Secret{Client: fake{t: t, secret: secret}, ARN: "arn"}.Login(t.Context())
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v", secret, err)
		}
	}
}
