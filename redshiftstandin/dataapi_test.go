package redshiftstandin

import (
	"context"
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
)

// api is a client of the Data API, of AWS's own make.
type api struct {
	t *testing.T
	*redshiftdata.Client
}

func (b *bench) api() *api {
	server := httptest.NewServer(b.server.DataAPI())
	b.t.Cleanup(server.Close)
	return &api{b.t, redshiftdata.New(redshiftdata.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
	})}
}

// wait waits for the end of a statement.
func (a *api) wait(id *string) *redshiftdata.DescribeStatementOutput {
	a.t.Helper()
	for range 1000 {
		out, err := a.DescribeStatement(context.Background(), &redshiftdata.DescribeStatementInput{Id: id})
		if err != nil {
			a.t.Fatal(err)
		}
		switch out.Status {
		case types.StatusStringFinished, types.StatusStringFailed, types.StatusStringAborted:
			return out
		}
		time.Sleep(10 * time.Millisecond)
	}
	a.t.Fatal("the statement does not end")
	return nil
}

func (a *api) execute(sql string) *redshiftdata.DescribeStatementOutput {
	a.t.Helper()
	out, err := a.ExecuteStatement(context.Background(), &redshiftdata.ExecuteStatementInput{
		Sql: &sql, Database: aws.String("dev"), WorkgroupName: aws.String("w"),
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return a.wait(out.Id)
}

func (a *api) batch(token string, sqls ...string) *redshiftdata.DescribeStatementOutput {
	a.t.Helper()
	in := &redshiftdata.BatchExecuteStatementInput{Sqls: sqls, Database: aws.String("dev"), ClusterIdentifier: aws.String("c"), DbUser: aws.String("u")}
	if token != "" {
		in.ClientToken = &token
	}
	out, err := a.BatchExecuteStatement(context.Background(), in)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.wait(out.Id)
}

func TestDataAPI(t *testing.T) {
	b := start(t, Options{})
	a := b.api()
	if out := a.execute("CREATE TABLE t (a BIGINT, v VARCHAR(9), f FLOAT8, b BOOLEAN)"); out.Status != types.StatusStringFinished {
		t.Fatal(out.Status, aws.ToString(out.Error))
	}
	b.objects.manifest("s3://b/m", `{"a":1,"v":"x","f":1.5,"b":true} {"a":2}`)
	out := a.batch("", "LOCK t", "COPY t FROM 's3://b/m'"+tail, "INSERT INTO t (a) VALUES (3)", "SELECT a, v, f, b FROM t ORDER BY a", "SELECT pg_last_copy_count()")
	if out.Status != types.StatusStringFinished || len(out.SubStatements) != 5 || !aws.ToBool(out.HasResultSet) {
		t.Fatalf("%+v %s", out, aws.ToString(out.Error))
	}
	result, err := a.GetStatementResult(context.Background(), &redshiftdata.GetStatementResultInput{Id: out.SubStatements[3].Id})
	if err != nil {
		t.Fatal(err)
	}
	null := &types.FieldMemberIsNull{Value: true}
	want := [][]types.Field{
		{&types.FieldMemberLongValue{Value: 1}, &types.FieldMemberStringValue{Value: "x"}, &types.FieldMemberDoubleValue{Value: 1.5}, &types.FieldMemberBooleanValue{Value: true}},
		{&types.FieldMemberLongValue{Value: 2}, null, null, null}, {&types.FieldMemberLongValue{Value: 3}, null, null, null},
	}
	if !reflect.DeepEqual(result.Records, want) || result.TotalNumRows != 3 || aws.ToString(result.ColumnMetadata[1].TypeName) != "varchar" {
		t.Errorf("got %+v", result)
	}

	// A batch is one transaction.
	out = a.batch("", "INSERT INTO t (a) VALUES (4)", "SELECT nope FROM t", "SELECT 1")
	if out.Status != types.StatusStringFailed || !strings.Contains(aws.ToString(out.Error), `Query #2 failed with ERROR: column "nope" does not exist`) {
		t.Errorf("%s, %s", out.Status, aws.ToString(out.Error))
	}
	var statuses []types.StatementStatusString
	for _, s := range out.SubStatements {
		statuses = append(statuses, s.Status)
	}
	if !reflect.DeepEqual(statuses, []types.StatementStatusString{"FINISHED", "FAILED", "ABORTED"}) {
		t.Errorf("statuses %v", statuses)
	}
	c := b.connect()
	c.wants("SELECT count(*) FROM t", "3")

	// A token runs its statements once.
	first, again := a.batch("token", "INSERT INTO t (a) VALUES (5)"), a.batch("token", "INSERT INTO t (a) VALUES (5)")
	if aws.ToString(first.Id) != aws.ToString(again.Id) {
		t.Errorf("two ids for a token: %s, %s", *first.Id, *again.Id)
	}
	c.wants("SELECT count(*) FROM t", "4")

	b.server.Inject(Fault{Match: func(sql string) bool { return sql == "COMMIT" }, Effect: CutAfter})
	if out := a.batch("", "INSERT INTO t (a) VALUES (6)"); out.Status != types.StatusStringFailed {
		t.Errorf("after an unknown outcome: %s", out.Status)
	}
	c.wants("SELECT count(*) FROM t", "5")
}

func TestDataAPIRefuses(t *testing.T) {
	b := start(t, Options{})
	a := b.api()
	ctx := context.Background()
	var bad *types.ValidationException
	for _, in := range []*redshiftdata.ExecuteStatementInput{
		{Sql: aws.String("SELECT 1"), Database: aws.String("dev")},
		{Sql: aws.String("SELECT 1"), Database: aws.String("dev"), WorkgroupName: aws.String("w"), ClusterIdentifier: aws.String("c")},
		{Sql: aws.String("SELECT '" + strings.Repeat("x", maxStatementBytes) + "'"), Database: aws.String("dev"), WorkgroupName: aws.String("w")},
		{Sql: aws.String("SELECT :a"), Database: aws.String("dev"), WorkgroupName: aws.String("w"), Parameters: []types.SqlParameter{{Name: aws.String("a"), Value: aws.String("1")}}},
	} {
		if _, err := a.ExecuteStatement(ctx, in); !errors.As(err, &bad) {
			t.Errorf("got %v, want a ValidationException", err)
		}
	}
	var gone *types.ResourceNotFoundException
	if _, err := a.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: aws.String("nope")}); !errors.As(err, &gone) {
		t.Errorf("got %v", err)
	}
	out := a.execute("INSERT INTO nosuch VALUES (1)")
	if out.Status != types.StatusStringFailed || !strings.Contains(aws.ToString(out.Error), `relation "nosuch" does not exist`) {
		t.Errorf("%s: %s", out.Status, aws.ToString(out.Error))
	}
	if _, err := a.GetStatementResult(ctx, &redshiftdata.GetStatementResultInput{Id: out.Id}); !errors.As(err, &gone) {
		t.Errorf("got %v", err)
	}
	for _, sql := range []string{"SELECT 1; SELECT 2", "BEGIN", ""} {
		if sql != "" && a.execute(sql).Status != types.StatusStringFailed {
			t.Errorf("%q was run", sql)
		}
	}
}

func TestDataAPICancel(t *testing.T) {
	b := start(t, Options{})
	a, c := b.api(), b.connect()
	c.must("CREATE TABLE t (a BIGINT)", "BEGIN", "LOCK t")
	out, err := a.ExecuteStatement(context.Background(), &redshiftdata.ExecuteStatementInput{
		Sql: aws.String("INSERT INTO t VALUES (1)"), Database: aws.String("dev"), WorkgroupName: aws.String("w"),
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := a.CancelStatement(context.Background(), &redshiftdata.CancelStatementInput{Id: out.Id}); err != nil {
		t.Fatal(err)
	}
	if end := a.wait(out.Id); end.Status != types.StatusStringAborted {
		t.Errorf("ended as %s", end.Status)
	}
	c.must("COMMIT")
	c.wants("SELECT count(*) FROM t", "0")
}
