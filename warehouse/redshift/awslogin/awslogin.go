// Package awslogin gets the user and the password of a Redshift connection from
// AWS: by IAM from a cluster or a serverless workgroup, for some minutes, or
// from a secret in Secrets Manager. Each type fulfils redshift.Login; what it
// returns is never logged and is in no error.
package awslogin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// lifetime is what credentials are asked for: the most that AWS gives.
const lifetime = 3600

// ClusterClient is the part of the Redshift client that Cluster needs.
type ClusterClient interface {
	GetClusterCredentialsWithIAM(context.Context, *redshift.GetClusterCredentialsWithIAMInput, ...func(*redshift.Options)) (*redshift.GetClusterCredentialsWithIAMOutput, error)
	GetClusterCredentials(context.Context, *redshift.GetClusterCredentialsInput, ...func(*redshift.Options)) (*redshift.GetClusterCredentialsOutput, error)
}

// Cluster logs in to a provisioned cluster.
type Cluster struct {
	Client     ClusterClient
	Identifier string
	Database   string
	// User is the database's user. If it is empty, the user is the one that
	// the IAM identity stands for.
	User string
}

// Login asks for credentials.
func (c Cluster) Login(ctx context.Context) (user, password string, expires time.Time, err error) {
	if c.User == "" {
		out, err := c.Client.GetClusterCredentialsWithIAM(ctx, &redshift.GetClusterCredentialsWithIAMInput{
			ClusterIdentifier: aws.String(c.Identifier), DbName: optional(c.Database), DurationSeconds: aws.Int32(lifetime),
		})
		if err != nil {
			return "", "", time.Time{}, fmt.Errorf("credentials of cluster %s: %w", c.Identifier, err)
		}
		return told(out.DbUser, out.DbPassword, out.Expiration)
	}
	out, err := c.Client.GetClusterCredentials(ctx, &redshift.GetClusterCredentialsInput{
		ClusterIdentifier: aws.String(c.Identifier), DbName: optional(c.Database), DbUser: aws.String(c.User),
		AutoCreate: aws.Bool(false), DurationSeconds: aws.Int32(lifetime),
	})
	if err != nil {
		return "", "", time.Time{}, fmt.Errorf("credentials of user %s of cluster %s: %w", c.User, c.Identifier, err)
	}
	return told(out.DbUser, out.DbPassword, out.Expiration)
}

// ServerlessClient is the part of the Redshift Serverless client that
// Serverless needs.
type ServerlessClient interface {
	GetCredentials(context.Context, *redshiftserverless.GetCredentialsInput, ...func(*redshiftserverless.Options)) (*redshiftserverless.GetCredentialsOutput, error)
}

// Serverless logs in to a workgroup, as the user that the IAM identity stands for.
type Serverless struct {
	Client    ServerlessClient
	Workgroup string
	Database  string
}

// Login asks for credentials.
func (s Serverless) Login(ctx context.Context) (user, password string, expires time.Time, err error) {
	out, err := s.Client.GetCredentials(ctx, &redshiftserverless.GetCredentialsInput{
		WorkgroupName: aws.String(s.Workgroup), DbName: optional(s.Database), DurationSeconds: aws.Int32(lifetime),
	})
	if err != nil {
		return "", "", time.Time{}, fmt.Errorf("credentials of workgroup %s: %w", s.Workgroup, err)
	}
	return told(out.DbUser, out.DbPassword, out.Expiration)
}

// SecretClient is the part of the Secrets Manager client that Secret needs.
type SecretClient interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Secret reads user and password from a secret in the form that AWS itself
// gives to those of databases: {"username": "…", "password": "…"}.
type Secret struct {
	Client SecretClient
	ARN    string
	// Every is how long a secret is trusted before it is read again, as it may
	// be rotated; 15 minutes by default.
	Every time.Duration
}

// Login reads the secret.
func (s Secret) Login(ctx context.Context) (user, password string, expires time.Time, err error) {
	out, err := s.Client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.ARN)})
	if err != nil {
		return "", "", time.Time{}, fmt.Errorf("read secret %s: %w", s.ARN, err)
	}
	var secret struct{ Username, Password string }
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &secret) != nil { // its error may quote the text
		return "", "", time.Time{}, fmt.Errorf("secret %s is no JSON object with username and password", s.ARN)
	}
	every := s.Every
	if every == 0 {
		every = 15 * time.Minute
	}
	end := time.Now().Add(every)
	user, password, expires, err = told(&secret.Username, &secret.Password, &end)
	if err != nil {
		return "", "", time.Time{}, fmt.Errorf("secret %s: %w", s.ARN, err)
	}
	return user, password, expires, nil
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// told refuses an answer that lacks something.
func told(user, password *string, expires *time.Time) (string, string, time.Time, error) {
	if aws.ToString(user) == "" || aws.ToString(password) == "" {
		return "", "", time.Time{}, errors.New("the answer has no user or no password")
	}
	return *user, *password, aws.ToTime(expires), nil
}
