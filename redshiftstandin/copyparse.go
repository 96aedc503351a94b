package redshiftstandin

import (
	"regexp"
	"strings"
)

// copyStatement is a parsed COPY.
type copyStatement struct {
	table    tableName
	columns  []string // nil: all
	from     string
	manifest bool
	gzip     bool
	zstd     bool
	json     string // "auto", "auto ignorecase", "noshred" or the URL of a jsonpaths file
	noload   bool
	maxError int

	timeFormat, dateFormat          string
	truncate, blanksNull, emptyNull bool
	acceptInvalid, roundDecimal     bool
	replacement                     string // of an invalid character
}

// copyParser reads the options of a COPY, each at most once.
type copyParser struct {
	cursor
	copyStatement
	seen map[string]bool
}

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)

// parseCopy parses a COPY from S3 of JSON by the grammar of the AWS guide
// (COPY, parameter reference).
func parseCopy(tokens []token, fold bool) (*copyStatement, error) {
	p := &copyParser{cursor: cursor{tokens: tokens, fold: fold}, seen: map[string]bool{}}
	p.timeFormat, p.dateFormat, p.replacement = "", "", "?"
	for _, t := range tokens {
		if t.kind == binding || t.is("?") {
			return nil, syntaxError("at or near %q: COPY takes no bind parameters", t.raw)
		}
	}
	if err := p.head(); err != nil {
		return nil, err
	}
	for !p.done() {
		if err := p.option(); err != nil {
			return nil, err
		}
	}
	return &p.copyStatement, p.check()
}

func (p *copyParser) head() (err error) {
	if err = p.expect("copy"); err != nil {
		return err
	}
	if p.copyStatement.table, err = p.cursor.table(); err != nil {
		return err
	}
	if p.peek().is("(") {
		if p.columns, err = p.names(); err != nil {
			return err
		}
		named := map[string]bool{}
		for _, c := range p.columns {
			if named[c] {
				return errorf(codeDuplicateCol, "column %q specified more than once", c)
			}
			named[c] = true
		}
	}
	if err = p.expect("from"); err != nil {
		return err
	}
	if p.from, err = p.string(); err != nil {
		return err
	}
	if !strings.HasPrefix(p.from, "s3://") {
		return notImitated("COPY from %q: only from s3://", p.from)
	}
	return nil
}

// check looks at the options together.
func (p *copyParser) check() error {
	switch {
	case !p.seen["iam_role"]:
		return errorf(codeInternal, "must specify IAM_ROLE or another authorization of COPY: no credentials were given")
	case p.gzip && p.zstd:
		return syntaxError("conflicting or redundant options: GZIP and ZSTD")
	case p.json == "":
		return notImitated("COPY of other formats than JSON")
	case p.json == "noshred" && len(p.columns) > 1:
		return errorf(codeInternal, "'noshred' loads one SUPER column, not %d", len(p.columns))
	case !p.manifest:
		return notImitated("COPY by a prefix: say MANIFEST")
	case strings.HasSuffix(p.from, "/"):
		// Error 8001 of the guide's load error reference.
		return errorf(codeInternal, "COPY with MANIFEST parameter requires full path of an S3 object.")
	}
	return nil
}

// notWithJSON are the parameters that the guide excludes for JSON.
var notWithJSON = map[string]bool{
	"csv": true, "delimiter": true, "escape": true, "fillrecord": true, "fixedwidth": true, "ignoreblanklines": true,
	"null": true, "readratio": true, "removequotes": true, "quote": true, "ignoreheader": true,
}

// otherOptions are those of COPY that are known and not imitated.
var otherOptions = map[string]bool{
	"access_key_id": true, "secret_access_key": true, "session_token": true, "credentials": true, "with": true, "encrypted": true,
	"master_symmetric_key": true, "bzip2": true, "lzop": true, "avro": true, "parquet": true, "orc": true, "shapefile": true,
	"encoding": true, "comprows": true, "ssh": true, "explicit_ids": true, "ignoreallerrors": true, "filler": true, "rowcompress": true,
}

// option reads one option.
func (p *copyParser) option() error {
	t := p.peek()
	if t.kind != word {
		return p.unexpected()
	}
	name := t.text
	if name == "format" {
		p.at++
		p.take("as")
		t = p.peek()
		if name = t.text; name != "json" {
			if notWithJSON[name] || otherOptions[name] {
				return notImitated("COPY of format %s", strings.ToUpper(name))
			}
			return p.unexpected()
		}
	}
	if notWithJSON[name] {
		return errorf(codeUnsupported, "%s is not supported with JSON", strings.ToUpper(name))
	}
	if otherOptions[name] {
		return notImitated("COPY's option %s", strings.ToUpper(name))
	}
	read, known := copyOptions[name]
	if !known {
		return p.unexpected()
	}
	if p.seen[name] {
		return syntaxError("conflicting or redundant options: %s", strings.ToUpper(name))
	}
	p.seen[name] = true
	p.at++
	return read(p)
}
