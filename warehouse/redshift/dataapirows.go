package redshift

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"
)

// apiRows is a statement's result, page by page.
type apiRows struct {
	ctx   context.Context
	from  *dataAPI
	id    *string
	limit int64 // 0: none
	names []string
	types []uint32
	ready [][]types.Field
	next  *string // token of the next page
	given int64
}

// typeNames are the API's names of the types whose text is read.
var typeNames = map[string]uint32{
	"bool": oidBool, "int2": oidInt2, "int4": oidInt4, "int8": oidInt8, "float4": oidFloat4, "float8": oidFloat8,
	"timestamptz": oidTimestamptz, "numeric": oidNumeric, "super": oidSuper,
}

// fetch reads the next page.
func (r *apiRows) fetch() error {
	out, err := r.from.Client.GetStatementResult(r.ctx, &redshiftdata.GetStatementResultInput{Id: r.id, NextToken: r.next})
	if err != nil {
		return err
	}
	if r.names == nil {
		for _, c := range out.ColumnMetadata {
			r.names, r.types = append(r.names, aws.ToString(c.Name)), append(r.types, typeNames[aws.ToString(c.TypeName)])
		}
	}
	r.ready, r.next = out.Records, out.NextToken
	return nil
}

func (r *apiRows) Columns() []string { return r.names }

// Next returns the next row's values.
func (r *apiRows) Next() ([]any, error) {
	if r.limit > 0 && r.given >= r.limit {
		return nil, io.EOF
	}
	for len(r.ready) == 0 {
		if r.next == nil {
			return nil, io.EOF
		}
		if err := r.fetch(); err != nil {
			return nil, fmt.Errorf("read the query's rows: %w", err)
		}
	}
	values := make([]any, len(r.names))
	for i, f := range r.ready[0] {
		text := fieldText(f)
		if text == nil {
			continue
		}
		var err error
		if values[i], err = value(r.types[i], *text); err != nil {
			return nil, fmt.Errorf("read the query's rows, column %q: %w", r.names[i], err)
		}
	}
	r.ready = r.ready[1:]
	r.given++
	return values, nil
}

// Close does nothing: the API drops results by itself after a day.
func (r *apiRows) Close() error { return nil }
