package redshiftstandin

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// copyOptions read what stands behind the name of an option.
var copyOptions = map[string]func(*copyParser) error{
	"iam_role":        (*copyParser).iamRole,
	"region":          (*copyParser).region,
	"json":            (*copyParser).formatJSON,
	"gzip":            set(func(s *copyStatement) { s.gzip = true }),
	"zstd":            set(func(s *copyStatement) { s.zstd = true }),
	"manifest":        set(func(s *copyStatement) { s.manifest = true }),
	"noload":          set(func(s *copyStatement) { s.noload = true }),
	"truncatecolumns": set(func(s *copyStatement) { s.truncate = true }),
	"blanksasnull":    set(func(s *copyStatement) { s.blanksNull = true }),
	"emptyasnull":     set(func(s *copyStatement) { s.emptyNull = true }),
	"roundec":         set(func(s *copyStatement) { s.roundDecimal = true }),
	"trimblanks":      func(*copyParser) error { return notImitated("TRIMBLANKS") },
	"acceptanydate":   func(*copyParser) error { return notImitated("ACCEPTANYDATE") },
	"compupdate":      (*copyParser).compUpdate,
	"statupdate":      (*copyParser).statUpdate,
	"maxerror":        (*copyParser).maxErrors,
	"timeformat":      (*copyParser).formatTime,
	"dateformat":      (*copyParser).formatDate,
	"acceptinvchars":  (*copyParser).invalidChars,
}

func set(change func(*copyStatement)) func(*copyParser) error {
	return func(p *copyParser) error {
		change(&p.copyStatement)
		return nil
	}
}

func (p *copyParser) iamRole() error {
	if p.take("default") {
		return nil
	}
	arns, err := p.string()
	if err != nil {
		return err
	}
	for arn := range strings.SplitSeq(arns, ",") { // roles can be chained
		if !roleARN.MatchString(arn) {
			return errorf(codeInternal, "Invalid IAM role ARN: %q", arn)
		}
	}
	return nil
}

var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)

func (p *copyParser) region() error {
	p.take("as")
	name, err := p.string()
	if err == nil && !regionName.MatchString(name) {
		return errorf(codeInternal, "Invalid region: %q", name)
	}
	return err
}

// formatJSON reads JSON [AS] ['auto' | 'auto ignorecase' | 'noshred' | 's3://…'].
func (p *copyParser) formatJSON() error {
	p.json = "auto"
	as := p.take("as")
	if p.peek().kind != text {
		if as {
			return p.unexpected()
		}
		return nil
	}
	option := p.next().text
	switch {
	case option == "auto", option == "auto ignorecase", option == "noshred":
	case strings.HasPrefix(option, "s3://") && !strings.HasSuffix(option, "/"):
	default:
		return errorf(codeInternal, "Invalid JSONPath format: %q is not an S3 object, 'auto', 'auto ignorecase' or 'noshred'", option)
	}
	p.json = option
	return nil
}

// onOff reads [ON|OFF|TRUE|FALSE]; nothing means ON.
func (p *copyParser) onOff(more ...string) {
	for _, w := range append(more, "on", "off", "true", "false") {
		if p.take(w) {
			return
		}
	}
}

func (p *copyParser) compUpdate() error {
	p.onOff("preset")
	return nil
}

func (p *copyParser) statUpdate() error {
	p.onOff()
	return nil
}

func (p *copyParser) maxErrors() (err error) {
	p.take("as")
	if p.maxError, err = p.integer(); err == nil && p.maxError > 100000 {
		return errorf(codeInternal, "MAXERROR must be between 0 and 100000")
	}
	return err
}

func (p *copyParser) formatTime() (err error) {
	p.take("as")
	if p.timeFormat, err = p.string(); err != nil {
		return err
	}
	switch p.timeFormat {
	case "auto", "epochsecs", "epochmillisecs":
		return nil
	}
	_, err = layoutOf(p.timeFormat)
	return err
}

func (p *copyParser) formatDate() (err error) {
	p.take("as")
	if p.peek().kind != text {
		return nil // without an argument the default, 'YYYY-MM-DD'
	}
	if p.dateFormat, err = p.string(); err != nil || p.dateFormat == "auto" {
		return err
	}
	_, err = layoutOf(p.dateFormat)
	return err
}

func (p *copyParser) invalidChars() (err error) {
	p.acceptInvalid = true
	as := p.take("as")
	if p.peek().kind != text {
		if as {
			return p.unexpected()
		}
		return nil
	}
	if p.replacement, err = p.string(); err == nil && (utf8.RuneCountInString(p.replacement) != 1 || p.replacement == "\x00" || len(p.replacement) > 1) {
		return errorf(codeInternal, "ACCEPTINVCHARS takes one ASCII character other than NULL")
	}
	return err
}
