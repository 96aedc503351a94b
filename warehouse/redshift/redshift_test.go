package redshift

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/bucket"
	"github.com/ikada-io/ikada/bucket/mem"
	"github.com/ikada-io/ikada/redshiftstandin"
	"github.com/ikada-io/ikada/warehouse"
	"github.com/ikada-io/ikada/warehouse/redshift/rules"
	"github.com/ikada-io/ikada/warehouse/warehousetest"
)

// s3 is a bucket in memory that is named as one of S3.
type s3 struct {
	bucket.Bucket
	name string
}

func newS3(name string) *s3 { return &s3{mem.New(), name} }

func (b *s3) URL(key string) string { return "s3://" + b.name + "/" + key }

// objects gives the stand-in what is in the buckets.
type objects []*s3

func (o objects) Get(ctx context.Context, url string) ([]byte, error) {
	for _, b := range o {
		if key, ok := strings.CutPrefix(url, "s3://"+b.name+"/"); ok {
			data, err := b.Get(ctx, key, 0, -1, nil)
			if errors.Is(err, ikada.ErrNotFound) {
				err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
			}
			return data, err
		}
	}
	return nil, fs.ErrNotExist
}

const testRole = "arn:aws:iam::123456789012:role/load"

// rig is a warehouse on a stand-in, with its buckets.
type rig struct {
	server           *redshiftstandin.Server
	archive, scratch *s3
	manifests        *s3
	options          Options
}

func newRig(t testing.TB, archive bucket.Bucket, standin redshiftstandin.Options) *rig {
	t.Helper()
	r := &rig{archive: newS3("archive"), scratch: newS3("scratch"), manifests: newS3("manifests")}
	if archive != nil {
		r.archive.Bucket = archive
	}
	standin.Objects = objects{r.archive, r.scratch, r.manifests}
	var err error
	if r.server, err = redshiftstandin.Start(standin); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.server.Close(); err != nil {
			t.Error(err)
		}
	})
	r.options = Options{
		DSN: NewPassword(r.server.URL()), IAMRole: testRole, Backoff: 5 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	return r
}

func (r *rig) open(t testing.TB) *Warehouse {
	t.Helper()
	w, err := Open(t.Context(), r.archive, r.scratch, r.options)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var limits = warehousetest.Limits{TextBytes: rules.MaxVarchar, RowBytes: 4 << 20, Narrow: retype("SMALLINT"), Widen: retype("BIGINT")}

// retype makes a table anew, with a column of another type.
func retype(to string) func(testing.TB, warehouse.Warehouse, ikada.LogType, string) {
	return func(t testing.TB, w warehouse.Warehouse, of ikada.LogType, column string) {
		t.Helper()
		r := w.(*Warehouse)
		table, err := r.Table(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		var definitions []string
		for _, c := range append(systemColumns(), table.Columns...) {
			kind, err := sqlType(c)
			if err != nil {
				t.Fatal(err)
			}
			if c.Type == warehouse.Text && c.Field != "" {
				kind = varchar(c.MaxBytes)
			}
			if c.Name == column {
				kind = to
			}
			definitions = append(definitions, identifier(c.Name)+" "+kind)
		}
		name, old := r.names.of(table.Name), table.Name+"_old"
		for _, sql := range []string{
			"ALTER TABLE " + name + " RENAME TO " + identifier(old), "CREATE TABLE " + name + " (" + strings.Join(definitions, ", ") + ")",
			"INSERT INTO " + name + " SELECT * FROM " + r.names.of(old), "DROP TABLE " + r.names.of(old),
		} {
			if err := r.db.alone(t.Context(), time.Minute, sql); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The suite is run over either executor, with either isolation.
func TestContract(t *testing.T) {
	t.Parallel()
	warehousetest.RunWithin(t, limits, func(*testing.T) bucket.Bucket { return mem.New() },
		func(t *testing.T, archive bucket.Bucket) warehouse.Warehouse {
			return newRig(t, archive, redshiftstandin.Options{Isolation: redshiftstandin.Serializable}).open(t)
		})
}

// overAPI lets the rig's warehouse go over the Data API.
func (r *rig) overAPI(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(r.server.DataAPI())
	t.Cleanup(server.Close)
	r.options.API = &API{Workgroup: "logs", Poll: 10 * time.Millisecond, Client: redshiftdata.New(redshiftdata.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	})}
}

func TestContractOverTheDataAPI(t *testing.T) {
	t.Parallel()
	warehousetest.RunWithin(t, limits, func(*testing.T) bucket.Bucket { return mem.New() },
		func(t *testing.T, archive bucket.Bucket) warehouse.Warehouse {
			r := newRig(t, archive, redshiftstandin.Options{Isolation: redshiftstandin.Snapshot})
			r.overAPI(t)
			return r.open(t)
		})
}
