package redshift

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/warehouse"
)

// lineColumns are the system columns that a line in the archive has: all but _rest.
var lineColumns = warehouse.SystemColumns[:4]

// copySQL is a COPY of the files that a manifest lists. format is 'auto' or the
// URL of a jsonpaths file.
func (w *Warehouse) copySQL(table string, columns []string, manifest, format string) string {
	role := w.opts.IAMRole
	if role != "default" {
		role = literal(role)
	}
	region := ""
	if w.opts.Region != "" {
		region = " REGION " + literal(w.opts.Region)
	}
	return "COPY " + table + " (" + identifiers(columns) + ") FROM " + literal(manifest) + " IAM_ROLE " + role + region +
		" FORMAT JSON " + literal(format) + " GZIP MANIFEST COMPUPDATE OFF STATUPDATE OFF TIMEFORMAT 'auto'"
}

// copied holds that the session's last COPY has loaded as many rows.
func copied(rows int64) statement {
	return (&guard{name: "rows", expr: "pg_last_copy_count()", want: rows}).statement()
}

// pathName is what may stand in the brackets of a jsonpath. The guide tells of
// no escapes, and a path that Redshift reads otherwise finds nothing, in
// silence; so a field with another name is not loaded directly.
var pathName = regexp.MustCompile(`^[A-Za-z0-9_@-]+$`)

// jsonpaths is the file that tells COPY where the values of a table's columns
// are: 'auto' would find no key with a capital letter. It returns false if a
// field's name can't be told.
func jsonpaths(columns []warehouse.Column) (file []byte, ok bool) {
	var paths struct {
		Paths []string `json:"jsonpaths"`
	}
	for _, c := range lineColumns {
		paths.Paths = append(paths.Paths, "$['"+c.Name+"']")
	}
	for _, c := range columns {
		if !pathName.MatchString(c.Field) {
			return nil, false
		}
		paths.Paths = append(paths.Paths, "$['"+c.Field+"']")
	}
	file, err := json.Marshal(paths)
	return append(file, '\n'), err == nil
}

// manifestFile lists files for COPY, each once.
func manifestFile(urls []string) ([]byte, error) {
	type entry struct {
		URL       string `json:"url"`
		Mandatory bool   `json:"mandatory"` // else a missing file is no error
	}
	var m struct {
		Entries []entry `json:"entries"`
	}
	seen := map[string]bool{}
	for _, u := range urls {
		if seen[u] {
			return nil, fmt.Errorf("%s is in two manifests: it would be loaded twice: %w", u, ikada.ErrCorrupt)
		}
		seen[u] = true
		m.Entries = append(m.Entries, entry{u, true})
	}
	data, err := json.MarshalIndent(m, "", " ")
	return append(data, '\n'), err
}

// keep makes sure that the scratch bucket has an object, named by its content,
// and returns its URL. It does not rely on what it made before: a rule of the
// bucket may have removed that.
func (w *Warehouse) keep(ctx context.Context, folder, suffix string, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	key := "redshift/" + folder + "/" + hex.EncodeToString(sum[:]) + suffix
	if err := w.scratch.Create(ctx, key, content); err != nil && !errors.Is(err, ikada.ErrExists) {
		return "", fmt.Errorf("write %s: %w", key, err)
	}
	return w.scratch.URL(key), nil
}
