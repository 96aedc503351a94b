package redshift

import (
	"context"
	"fmt"
	"strings"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// stageTable takes the rows of a direct load whose times must be cut.
const stageTable = "ikada_stage"

// copyDirect returns the statements that load the archive files as they are.
func (l *loading) copyDirect(ctx context.Context) ([]statement, error) {
	if err := l.w.checkFiles(ctx, l.files); err != nil || len(l.files) == 0 {
		return nil, err
	}
	manifest, err := l.manifestURL(ctx)
	if err != nil {
		return nil, err
	}
	paths, ok := jsonpaths(l.table.Columns)
	if !ok {
		return nil, fmt.Errorf("a field's name can't be told to COPY") // plan has looked
	}
	format, err := l.w.keep(ctx, "jsonpaths", ".json", paths)
	if err != nil {
		return nil, err
	}
	var columns []string
	for _, c := range lineColumns {
		columns = append(columns, c.Name)
	}
	for _, c := range l.table.Columns {
		columns = append(columns, c.Name)
	}
	if !l.fine {
		return []statement{
			{sql: l.w.copySQL(l.w.names.of(l.table.Name), columns, manifest, format), copy: true},
			copied(l.expected),
		}, nil
	}
	return l.copyCut(columns, manifest, format)
}

// copyCut loads by way of a temporary table, in which _time is text: a row's
// _time may have nine digits, of which Redshift holds six.
func (l *loading) copyCut(columns []string, manifest, format string) ([]statement, error) {
	of := l.w.names.of(l.table.Name)
	var definitions, values []string
	for _, c := range append(systemColumns()[:len(lineColumns)], l.table.Columns...) {
		kind, err := sqlType(c)
		switch {
		case err != nil:
			return nil, err
		case c.Type == warehouse.Text && c.Field != "":
			kind = varchar(c.MaxBytes) // as wide as it is
		case c.Field == "" && c.Name == "_time":
			kind = "VARCHAR(64)"
		}
		definitions = append(definitions, identifier(c.Name)+" "+kind)
		values = append(values, identifier(c.Name))
	}
	// "2026-11-23T05:06:07.123456789Z", in the form that the guide tells.
	values[1] = `CAST(LEFT("_time", 10) || ' ' || SUBSTRING("_time", 12, LEAST(LEN("_time") - 12, 15)) || '+00' AS TIMESTAMPTZ)`
	return []statement{
		plain("CREATE TEMP TABLE " + stageTable + " (" + strings.Join(definitions, ", ") + ")"),
		{sql: l.w.copySQL(stageTable, columns, manifest, format), copy: true},
		copied(l.expected),
		plain("INSERT INTO " + of + " (" + identifiers(columns) + ") SELECT " + strings.Join(values, ", ") + " FROM " + stageTable),
		plain("DROP TABLE " + stageTable),
	}, nil
}

// manifestURL names a manifest of the job's files: its own if it has one, else
// one that binds them, under a name made of its content.
func (l *loading) manifestURL(ctx context.Context) (string, error) {
	if own := l.w.opts.Manifests; own != nil && len(l.manifests) == 1 {
		return own.URL(l.manifests[0].Key), nil
	}
	urls := make([]string, len(l.files))
	for i, f := range l.files {
		urls[i] = l.w.archive.URL(f.Key)
	}
	data, err := manifestFile(urls)
	if err != nil {
		return "", err
	}
	return l.w.keep(ctx, "manifests/"+l.job.Type.PathName(), ".manifest", data)
}

// canDirect reports whether the job may be loaded as it is.
func (l *loading) canDirect() bool {
	if !l.job.Direct || l.job.Class != ikada.Plain {
		return false
	}
	_, ok := jsonpaths(l.table.Columns)
	return ok
}
