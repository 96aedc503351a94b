package redshift

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"

	"github.com/ikada-io/ikada/warehouse"
)

// API reaches the database over the Data API: it needs no network path to the
// database and keeps no connection, at the price of some seconds a load.
type API struct {
	Client DataClient
	// One of Cluster and Workgroup is required.
	Cluster, Workgroup string
	// SecretARN or User (of a cluster) say who logs in; by default the user that
	// the IAM identity stands for.
	SecretARN, User string
	// Poll is the longest time between two looks at a statement; 1 s.
	Poll time.Duration
}

// DataClient is the part of the SDK's client that is needed.
type DataClient interface {
	ExecuteStatement(context.Context, *redshiftdata.ExecuteStatementInput, ...func(*redshiftdata.Options)) (*redshiftdata.ExecuteStatementOutput, error)
	BatchExecuteStatement(context.Context, *redshiftdata.BatchExecuteStatementInput, ...func(*redshiftdata.Options)) (*redshiftdata.BatchExecuteStatementOutput, error)
	DescribeStatement(context.Context, *redshiftdata.DescribeStatementInput, ...func(*redshiftdata.Options)) (*redshiftdata.DescribeStatementOutput, error)
	GetStatementResult(context.Context, *redshiftdata.GetStatementResultInput, ...func(*redshiftdata.Options)) (*redshiftdata.GetStatementResultOutput, error)
	CancelStatement(context.Context, *redshiftdata.CancelStatementInput, ...func(*redshiftdata.Options)) (*redshiftdata.CancelStatementOutput, error)
}

// dataAPI is an executor over the Data API.
type dataAPI struct {
	*API
	database string
}

func (d *dataAPI) close() {}

// transact is one batch, which is one transaction. Its guards fail by themselves.
func (d *dataAPI) transact(ctx context.Context, patience time.Duration, statements []statement) error {
	sqls := []string{"SET statement_timeout TO " + integer(patience.Milliseconds())}
	for _, s := range statements {
		if s.guard != nil {
			sqls = append(sqls, s.guard.failing())
		} else {
			sqls = append(sqls, s.sql)
		}
	}
	out, err := d.Client.BatchExecuteStatement(ctx, &redshiftdata.BatchExecuteStatementInput{
		Sqls: sqls, Database: &d.database, ClusterIdentifier: text(d.Cluster), WorkgroupName: text(d.Workgroup), SecretArn: text(d.SecretARN), DbUser: text(d.User),
		ClientToken: aws.String(rand.Text()), // of the SDK's own retries
	})
	if err != nil {
		return &unknownError{err}
	}
	end, err := d.wait(ctx, out.Id)
	if err != nil {
		return &unknownError{err}
	}
	if end.Status == types.StatusStringFinished {
		return nil
	}
	for i, sub := range end.SubStatements {
		if sub.Status == types.StatementStatusStringFailed && i > 0 {
			return d.failed(ctx, statements[i-1], sub)
		}
	}
	return told(aws.ToString(end.Error)) // of the COMMIT
}

// failed finds the words for a statement that failed.
func (d *dataAPI) failed(ctx context.Context, s statement, sub types.SubStatementData) error {
	message := aws.ToString(sub.Error)
	err := told(message)
	switch {
	case again(err):
		return err
	case s.guard != nil && (strings.Contains(message, guardMark) || strings.Contains(message, "nvalid")): // not every cast's error quotes the text
		return &guardError{name: s.guard.name, want: integer(s.guard.want)}
	case !s.copy || strings.Contains(message, "ancelled"):
		return err
	case !strings.Contains(message, "load_error"):
		return &copyError{err}
	}
	rows, failed := d.read(ctx, detailQuery("query_id = "+integer(sub.RedshiftQueryId)))
	if failed != nil || len(rows) == 0 {
		return &copyError{err}
	}
	return &copyError{loadError(rows[0], err)}
}

// told makes an error of what the API tells, which has no SQLSTATE.
func told(message string) error {
	if isConflict("", message) || strings.Contains(message, "ERROR: 1023") {
		return &conflictError{errors.New(message)}
	}
	return errors.New(message)
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// one runs one statement by itself.
func (d *dataAPI) one(ctx context.Context, sql string) (*redshiftdata.DescribeStatementOutput, error) {
	out, err := d.Client.ExecuteStatement(ctx, &redshiftdata.ExecuteStatementInput{
		Sql: &sql, Database: &d.database, ClusterIdentifier: text(d.Cluster), WorkgroupName: text(d.Workgroup), SecretArn: text(d.SecretARN), DbUser: text(d.User),
		ClientToken: aws.String(rand.Text()),
	})
	if err != nil {
		return nil, err
	}
	end, err := d.wait(ctx, out.Id)
	if err != nil {
		return nil, err
	}
	if end.Status != types.StatusStringFinished {
		return nil, told(aws.ToString(end.Error))
	}
	return end, nil
}

func (d *dataAPI) alone(ctx context.Context, patience time.Duration, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := d.one(ctx, sql)
	return err
}

// wait looks at a statement until it has ended. If the context ends before, the
// statement is cancelled.
func (d *dataAPI) wait(ctx context.Context, id *string) (*redshiftdata.DescribeStatementOutput, error) {
	most := d.Poll
	if most == 0 {
		most = time.Second
	}
	for pace := min(50*time.Millisecond, most); ; pace = min(pace*3/2, most) {
		out, err := d.Client.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: id})
		if err == nil {
			switch out.Status {
			case types.StatusStringFinished, types.StatusStringFailed, types.StatusStringAborted:
				return out, nil
			}
		}
		select {
		case <-time.After(pace):
		case <-ctx.Done():
		}
		if ctx.Err() == nil && err == nil {
			continue
		}
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollTime)
		_, failed := d.Client.CancelStatement(stop, &redshiftdata.CancelStatementInput{Id: id})
		cancel()
		return nil, errors.Join(ctx.Err(), err, failed)
	}
}

func (d *dataAPI) read(ctx context.Context, query string) ([]row, error) {
	end, err := d.one(ctx, query)
	if err != nil {
		return nil, err
	}
	pages := &apiRows{ctx: ctx, from: d, id: end.Id}
	var rows []row
	for {
		if err := pages.fetch(); err != nil {
			return nil, err
		}
		for _, fields := range pages.ready {
			r := make(row, len(fields))
			for i, f := range fields {
				r[i] = fieldText(f)
			}
			rows = append(rows, r)
		}
		if pages.next == nil {
			return rows, nil
		}
	}
}

// fieldText is a value as the wire protocol would have it.
func fieldText(f types.Field) *string {
	var s string
	switch f := f.(type) {
	case *types.FieldMemberStringValue:
		s = f.Value
	case *types.FieldMemberLongValue:
		s = integer(f.Value)
	case *types.FieldMemberDoubleValue:
		s = strconv.FormatFloat(f.Value, 'g', -1, 64)
	case *types.FieldMemberBooleanValue:
		s = strconv.FormatBool(f.Value)[:1]
	case *types.FieldMemberBlobValue:
		s = string(f.Value)
	default:
		return nil
	}
	return &s
}

// stream runs a query. What it would change could not be rolled back here, so
// all depends on its having been looked at, and on the user's rights.
func (d *dataAPI) stream(ctx context.Context, query string, limit int64) (warehouse.Rows, error) {
	end, err := d.one(ctx, query)
	if err != nil {
		return nil, err
	}
	r := &apiRows{ctx: ctx, from: d, id: end.Id, limit: limit}
	if !aws.ToBool(end.HasResultSet) {
		return r, nil
	}
	if err := r.fetch(); err != nil {
		return nil, fmt.Errorf("read the query's rows: %w", err)
	}
	return r, nil
}
