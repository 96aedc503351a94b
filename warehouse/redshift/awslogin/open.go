package awslogin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// Login is what redshift.Login is.
type Login interface {
	Login(ctx context.Context) (user, password string, expires time.Time, err error)
}

// Options say where credentials come from: from the secret, the cluster or the
// workgroup, the first that is set.
type Options struct {
	SecretARN string
	Cluster   string
	User      string // of the cluster; empty: the one that the IAM identity stands for
	Workgroup string
	Database  string
}

// timeout bounds the request for credentials, retries and all.
const timeout = 30 * time.Second

// Open returns a login. Region, endpoints and the credentials to ask with come
// from AWS's standard chain.
func Open(ctx context.Context, o Options) (Login, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{})) // the default one prints
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration (environment, ~/.aws): %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("the region is not known: set AWS_REGION, or region in ~/.aws/config")
	}
	switch {
	case o.SecretARN != "":
		return patient{Secret{Client: secretsmanager.NewFromConfig(c), ARN: o.SecretARN}, "secretsmanager:GetSecretValue on the secret"}, nil
	case o.Cluster != "":
		action := "redshift:GetClusterCredentials"
		if o.User == "" {
			action += "WithIAM"
		}
		return patient{Cluster{Client: redshift.NewFromConfig(c), Identifier: o.Cluster, Database: o.Database, User: o.User}, action + " on the cluster's user and database"}, nil
	case o.Workgroup != "":
		return patient{Serverless{Client: redshiftserverless.NewFromConfig(c), Workgroup: o.Workgroup, Database: o.Database}, "redshift-serverless:GetCredentials on the workgroup"}, nil
	}
	return nil, errors.New("want a cluster, a workgroup or a secret to log in by")
}

// patient bounds a login in time, and says what to do when it fails.
type patient struct {
	from       Login
	permission string
}

func (p patient) Login(ctx context.Context) (user, password string, expires time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	user, password, expires, err = p.from.Login(ctx)
	if err != nil {
		return "", "", time.Time{}, p.advise(err)
	}
	return user, password, expires, nil
}

// advise says what to do about an error.
func (p patient) advise(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode() {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return fmt.Errorf("%w: the AWS credentials have expired; renew the session, or use a role, which renews itself", err)
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
		return fmt.Errorf("%w: allow %s", err, p.permission)
	case "ClusterNotFound", "ClusterNotFoundFault", "ResourceNotFoundException":
		return fmt.Errorf("%w: look at its name and at the region", err)
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch":
		return fmt.Errorf("%w: check access key, secret and session token, and this machine's clock", err)
	}
	return err
}

// Address is where a database is, without the password.
type Address struct {
	URL            string // with TLS that checks the server, if it does not say otherwise
	User, Database string
}

// ParseAddress reads postgres://[USER@]HOST:5439/DATABASE. Its errors do not
// repeat the text, which may hold a password that should not be there.
func ParseAddress(text string) (Address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		return Address{}, errors.New("want postgres://HOST:5439/DATABASE")
	}
	query := u.Query()
	if _, set := u.User.Password(); set || query.Has("password") {
		return Address{}, errors.New("it holds a password, and AWS is to give one: leave it out")
	}
	if !query.Has("sslmode") {
		query.Set("sslmode", "verify-full")
		u.RawQuery = query.Encode()
	}
	return Address{URL: u.String(), User: u.User.Username(), Database: strings.Trim(u.Path, "/")}, nil
}
