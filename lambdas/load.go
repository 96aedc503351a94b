package lambdas

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"

	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/load"
	"github.com/ikada-io/ikada/manifest"
	"github.com/ikada-io/ikada/warehouse/redshift"
	"github.com/ikada-io/ikada/warehouse/redshift/awslogin"
)

// Load loads manifests into Redshift.
type Load struct {
	loader    *load.Loader
	manifests bucket.Bucket
	log       *slog.Logger
}

// NewLoad returns the function that the environment describes. It connects to
// the warehouse.
func NewLoad(ctx context.Context, env Env, log *slog.Logger) (*Load, error) {
	buckets, err := env.open(ctx, bufferBucket, archiveBucket, manifestBucket)
	if err != nil {
		return nil, err
	}
	types, err := declared(ctx, env(configFile), noSecret())
	if err != nil {
		return nil, err
	}
	// What a load makes for COPY to read goes to the buffer bucket: nothing
	// there wakes a function.
	o := redshift.Options{
		IAMRole:   env("IKADA_REDSHIFT_IAM_ROLE"),
		Schema:    env("IKADA_REDSHIFT_SCHEMA"),
		Region:    env("IKADA_REDSHIFT_BUCKET_REGION"),
		Manifests: buckets[2],
		Designs:   types.Design,
		Log:       log,
	}
	if err := database(ctx, env, &o); err != nil {
		return nil, err
	}
	wh, err := redshift.Open(ctx, buckets[1], buckets[0], o)
	if err != nil {
		return nil, err
	}
	loader := load.New(buckets[0], buckets[2], wh, load.Options{Parallel: 4, MaxBytes: 4 << 30, Declared: types.Columns, Archive: buckets[1], Log: log})
	return &Load{loader: loader, manifests: buckets[2], log: log}, nil
}

// database says how to reach the database: by a connection, if there is a DSN,
// else by the Data API, which needs no way into the database's network.
func database(ctx context.Context, env Env, o *redshift.Options) error {
	if dsn := env("IKADA_REDSHIFT_DSN"); dsn != "" {
		return connection(ctx, env, dsn, o)
	}
	api := &redshift.API{
		Cluster:   env("IKADA_REDSHIFT_CLUSTER"),
		Workgroup: env("IKADA_REDSHIFT_WORKGROUP"),
		SecretARN: env("IKADA_REDSHIFT_SECRET_ARN"),
		User:      env("IKADA_REDSHIFT_USER"),
	}
	if (api.Cluster == "") == (api.Workgroup == "") {
		return errors.New("want one of IKADA_REDSHIFT_CLUSTER, IKADA_REDSHIFT_WORKGROUP and IKADA_REDSHIFT_DSN: where the database is")
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("set up the Data API: %w", err)
	}
	api.Client = redshiftdata.NewFromConfig(cfg)
	o.API, o.Database = api, env("IKADA_REDSHIFT_DATABASE")
	return nil
}

// connection says who logs in: whom the DSN names with a password, else whom AWS
// names by the secret, the cluster's user or the workgroup.
func connection(ctx context.Context, env Env, dsn string, o *redshift.Options) (err error) {
	o.DSN = redshift.NewPassword(dsn)
	login := awslogin.Options{SecretARN: env("IKADA_REDSHIFT_SECRET_ARN"), Cluster: env("IKADA_REDSHIFT_CLUSTER"), Workgroup: env("IKADA_REDSHIFT_WORKGROUP")}
	// A DSN with a password, or of another form, says all itself.
	if at, elsewhere := awslogin.ParseAddress(dsn); elsewhere == nil && login != (awslogin.Options{}) {
		o.DSN = redshift.NewPassword(at.URL)
		login.User, login.Database = cmp.Or(at.User, env("IKADA_REDSHIFT_USER")), at.Database
		if login.SecretARN == "" && login.Cluster != "" && login.User == "" {
			return errors.New("no password is in IKADA_REDSHIFT_DSN: want IKADA_REDSHIFT_SECRET_ARN or IKADA_REDSHIFT_USER, which say who logs in")
		}
		o.Login, err = awslogin.Open(ctx, login)
	}
	return err
}

// Handle loads what waits of the log types whose manifests an S3 event names, or
// of all, if the event is of a schedule. An event is only a wake-up: doubled,
// late and lost ones change nothing.
func (l *Load) Handle(ctx context.Context, event json.RawMessage) error {
	folders, isS3, err := l.named(ctx, event)
	if err != nil {
		return err
	}
	if isS3 {
		err = l.loader.OnceOf(ctx, folders...)
	} else {
		err = l.loader.Once(ctx)
	}
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

// named returns the folders of the manifests that an event names.
func (l *Load) named(ctx context.Context, event json.RawMessage) (folders []string, isS3 bool, err error) {
	var e events.S3Event
	if len(event) > 0 && event[0] == '{' {
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, false, fmt.Errorf("read the event: want one of S3 or of a schedule: %w", err)
		}
	}
	for _, r := range e.Records {
		if r.S3.Object.Key == "" {
			return nil, false, fmt.Errorf("the event holds a record of %q, which names no object: want one of S3 or of a schedule", r.EventSource)
		}
		key := strings.TrimPrefix("s3://"+r.S3.Bucket.Name+"/"+r.S3.Object.URLDecodedKey, l.manifests.URL(""))
		folder, _, _, err := manifest.ParseKey(key)
		if err != nil { // whose it is does not matter: it names nothing to load
			l.log.WarnContext(ctx, "the event names an object that is no manifest", "bucket", r.S3.Bucket.Name, "key", r.S3.Object.URLDecodedKey)
			continue
		}
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders, len(e.Records) > 0, nil
}
