package declare

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ikada-io/ikada"
)

// Route leads tags to a log type.
type Route struct {
	Tag   string // pattern of the whole tag
	Field string // path of a field that must have a value; empty: the tag decides alone
	Value string // pattern of its whole value; empty: any
	Type  string // the log type; $1, $2, … are what the patterns' wildcards held, those of the tag first
}

// Patterns says what a pattern may be.
const Patterns = "a text with * (any of one part between dots) and ** (any number of parts), or /REGULAR EXPRESSION/"

// rule is a route, ready for use.
type rule struct {
	tag, value *regexp.Regexp // value is nil if any does
	field      string
	target     target
}

// target is a log type with places for captures.
type target struct {
	texts []string // around the captures
	holes []int    // capture numbers, from 1
}

// Choice is a log type that a record of some tag takes if its field says so.
type Choice struct {
	Field string
	rule  *rule
	tag   []string // what the tag's pattern captured
}

// Route returns where a tag leads: the choices by fields of its records, in
// order, and the log type for the records that none of them takes. withhold says
// that bad records with that tag are not kept in the quarantine as they are.
func (s *Set) Route(tag string) (choices []Choice, last ikada.LogType, withhold bool, err error) {
	if s == nil {
		last, err = ikada.TypeOf(tag)
		return nil, last, false, err
	}
	to := tag
	for i := range s.routes {
		r := &s.routes[i]
		found := r.tag.FindStringSubmatch(tag)
		if found == nil {
			continue
		}
		if r.field == "" {
			to = r.target.fill(found[1:])
			break
		}
		choices = append(choices, Choice{Field: r.field, rule: r, tag: found[1:]})
	}
	last, err = ikada.TypeOf(to)
	withhold = err != nil && s.raw || s.withholds(last)
	for _, c := range choices {
		// Which log type a template gives, only a record's field tells.
		withhold = withhold || s.withholds(ikada.LogType(c.rule.target.texts[0])) || s.raw && len(c.rule.target.holes) > 0
	}
	return choices, last, withhold, err
}

func (s *Set) withholds(t ikada.LogType) bool {
	d := s.types[t]
	return d != nil && d.withholds()
}

// Withholds reports whether the bytes of records of an unknown log type are not
// kept: they may be those of a log type with guards.
func (s *Set) Withholds() bool { return s != nil && s.raw }

// Take returns the log type for a record with the field's value, a text without
// quotes or a number or literal as it stands; false if the choice is not for it.
func (c Choice) Take(value []byte) (to string, ok bool) {
	captures := c.tag
	if c.rule.value != nil {
		at := c.rule.value.FindSubmatch(value)
		if at == nil {
			return "", false
		}
		captures = captures[:len(captures):len(captures)]
		for _, text := range at[1:] {
			captures = append(captures, string(text))
		}
	}
	return c.rule.target.fill(captures), true
}

// pattern compiles the pattern of a route.
func pattern(text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, errors.New("it is empty")
	}
	if n := len(text) - 1; n > 1 && text[0] == '/' && text[n] == '/' {
		if _, err := regexp.Compile(text[1:n]); err != nil { // by itself, not by what is put around it
			return nil, fmt.Errorf("%q is no regular expression (%s)", text, reason(err))
		}
		return regexp.Compile(`\A(?s:` + text[1:n] + `)\z`)
	}
	if strings.Contains(text, "***") {
		return nil, fmt.Errorf("%q has three * in a row", text)
	}
	var b strings.Builder
	b.WriteString(`\A(?s:`)
	for rest := text; rest != ""; {
		switch {
		case strings.HasPrefix(rest, ".**"): // a.** is a too, as in Fluentd
			b.WriteString(`(?:\.(.*))?`)
			rest = rest[3:]
		case strings.HasPrefix(rest, "**.") && rest == text:
			b.WriteString(`(?:(.*)\.)?`)
			rest = rest[3:]
		case strings.HasPrefix(rest, "**"):
			b.WriteString(`(.*)`)
			rest = rest[2:]
		case rest[0] == '*':
			b.WriteString(`([^.]*)`)
			rest = rest[1:]
		default:
			n := strings.IndexByte(rest, '*')
			if n < 0 {
				n = len(rest)
			} else if n > 0 && strings.HasPrefix(rest[n-1:], ".**") {
				n--
			}
			b.WriteString(regexp.QuoteMeta(rest[:n]))
			rest = rest[n:]
		}
	}
	p, err := regexp.Compile(b.String() + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("%q is no pattern (%s)", text, reason(err))
	}
	return p, nil
}

func reason(err error) string { return strings.TrimPrefix(err.Error(), "error parsing regexp: ") }

var hole = regexp.MustCompile(`\$(?:(\d+)|\{(\d+)\}|\$)?`)

// parseTarget reads a log type with $1, ${1} and $$ for a dollar sign; captures
// is how many there are.
func parseTarget(text string, captures int) (target, error) {
	if text == "" {
		return target{}, errors.New("it is empty")
	}
	t := target{texts: []string{""}}
	put := func(s string) { t.texts[len(t.texts)-1] += s }
	from := 0
	for _, at := range hole.FindAllStringSubmatchIndex(text, -1) {
		put(text[from:at[0]])
		from = at[1]
		var digits string
		switch {
		case at[2] >= 0:
			digits = text[at[2]:at[3]]
		case at[4] >= 0:
			digits = text[at[4]:at[5]]
		case text[at[0]:at[1]] == "$$":
			put("$")
			continue
		default:
			return target{}, fmt.Errorf("%q has a $ without a number ($$ is a dollar sign)", text)
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > captures {
			return target{}, fmt.Errorf("%q has $%s, but the patterns have %s", text, digits, count(captures))
		}
		t.holes = append(t.holes, n)
		t.texts = append(t.texts, "")
	}
	put(text[from:])
	return t, nil
}

func count(captures int) string {
	switch captures {
	case 0:
		return "no captures"
	case 1:
		return "one capture"
	}
	return fmt.Sprintf("%d captures", captures)
}

func (t *target) fill(captures []string) string {
	if len(t.holes) == 0 {
		return t.texts[0]
	}
	var b strings.Builder
	for i, n := range t.holes {
		b.WriteString(t.texts[i])
		b.WriteString(captures[n-1])
	}
	b.WriteString(t.texts[len(t.holes)])
	return b.String()
}

// may reports whether the target can be a log type.
func (t *target) may(name string) bool {
	var b strings.Builder
	for i, text := range t.texts {
		if i > 0 {
			b.WriteString(`.*`)
		}
		b.WriteString(regexp.QuoteMeta(text))
	}
	return regexp.MustCompile(`\A(?s:` + b.String() + `)\z`).MatchString(name)
}
