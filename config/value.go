package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a place in a Config that a setting's text goes to. A text that it
// refuses leaves it as it was.
type value interface {
	set(text string) error
	String() string  // as it is shown: a secret as ***
	kind() string    // "size", "duration", …
	accepts() string // continues "want …"
}

// A list is a value that YAML may give as a sequence, and a table one that
// YAML gives as a mapping. Flags and environment variables separate by commas.
type list interface{ setList(texts []string) error }
type table interface{ setTable(pairs [][2]string) error }

type textValue struct {
	p    *string
	want string
}

func (v textValue) set(text string) error { *v.p = text; return nil }
func (v textValue) String() string        { return *v.p }
func (v textValue) kind() string          { return "text" }
func (v textValue) accepts() string       { return v.want }

// requiredText is a text that must not be empty.
type requiredText struct{ textValue }

func (v requiredText) set(text string) error {
	if text == "" {
		return errors.New("it is empty")
	}
	return v.textValue.set(text)
}

// bucketsValue is where the buckets are: a URL of S3, whose details its adapter checks.
type bucketsValue struct{ p *string }

func (v bucketsValue) set(text string) error {
	if text != "" && !strings.HasPrefix(text, "s3://") {
		return fmt.Errorf("%q is no place for buckets", text)
	}
	*v.p = text
	return nil
}
func (v bucketsValue) String() string { return *v.p }
func (v bucketsValue) kind() string   { return "URL" }
func (v bucketsValue) accepts() string {
	return "s3://BUCKET/PREFIX, or s3://BUCKET/PREFIX?region=…&endpoint=…&path_style=true"
}

// streamValue is the name of a Kinesis stream.
type streamValue struct{ p *string }

var streamName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{0,128}$`)

func (v streamValue) set(text string) error {
	if !streamName.MatchString(text) {
		return fmt.Errorf("%q is no name of a stream", text)
	}
	*v.p = text
	return nil
}
func (v streamValue) String() string  { return *v.p }
func (v streamValue) kind() string    { return "text" }
func (v streamValue) accepts() string { return "the name of a stream: up to 128 of a-z A-Z 0-9 _ . -" }

// endpointValue is the address of a server that speaks HTTP.
type endpointValue struct{ p *string }

func (v endpointValue) set(text string) error {
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("it is no address of a server") // and not shown: it may hold a password
	}
	*v.p = text
	return nil
}
func (v endpointValue) String() string  { return *v.p }
func (v endpointValue) kind() string    { return "URL" }
func (v endpointValue) accepts() string { return "http://HOST:PORT or https://HOST:PORT" }

type choiceValue struct {
	p       *string
	choices []string
}

func (v choiceValue) set(text string) error {
	if !slices.Contains(v.choices, text) {
		return fmt.Errorf("%q is unknown", text)
	}
	*v.p = text
	return nil
}
func (v choiceValue) String() string  { return *v.p }
func (v choiceValue) kind() string    { return "choice" }
func (v choiceValue) accepts() string { return strings.Join(v.choices, " or ") }

type levelValue struct{ p *slog.Level }

var levels = []string{"debug", "info", "warn", "error"}

func (v levelValue) set(text string) error {
	if !slices.Contains(levels, strings.ToLower(text)) {
		return fmt.Errorf("%q is unknown", text)
	}
	return v.p.UnmarshalText([]byte(text))
}
func (v levelValue) String() string  { return strings.ToLower(v.p.String()) }
func (v levelValue) kind() string    { return "choice" }
func (v levelValue) accepts() string { return "debug, info, warn or error" }

// addressValue is where to listen: host:port, or "off".
type addressValue struct{ p *string }

func (v addressValue) set(text string) error {
	if text == "" || text == "off" {
		*v.p = ""
		return nil
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is no address", text)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no valid port", text)
	}
	*v.p = text
	return nil
}
func (v addressValue) String() string  { return cmp.Or(*v.p, "off") }
func (v addressValue) kind() string    { return "address" }
func (v addressValue) accepts() string { return "HOST:PORT (port 0: any free one) or off" }

type sizeValue struct {
	p        *int64
	min, max int64
}

func (v sizeValue) set(text string) error {
	n, err := parseSize(text)
	if err != nil {
		return err
	}
	if n < v.min || n > v.max {
		return fmt.Errorf("%s is out of range", text)
	}
	*v.p = n
	return nil
}
func (v sizeValue) String() string { return formatSize(*v.p) }
func (v sizeValue) kind() string   { return "size" }
func (v sizeValue) accepts() string {
	return "a size from " + formatSize(v.min) + " to " + formatSize(v.max)
}

type durationValue struct {
	p        *time.Duration
	min, max time.Duration
}

func (v durationValue) set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no duration", text)
	}
	if d < v.min || d > v.max {
		return fmt.Errorf("%s is out of range", text)
	}
	*v.p = d
	return nil
}
func (v durationValue) String() string { return formatDuration(*v.p) }
func (v durationValue) kind() string   { return "duration" }
func (v durationValue) accepts() string {
	return "a duration from " + formatDuration(v.min) + " to " + formatDuration(v.max)
}

type countValue struct {
	p        *int
	min, max int
	zero     string // what 0 stands for, if it is accepted beside the range
}

func (v countValue) set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%q is no whole number", text)
	}
	if (n < v.min || n > v.max) && (n != 0 || v.zero == "") {
		return fmt.Errorf("%d is out of range", n)
	}
	*v.p = n
	return nil
}
func (v countValue) String() string { return strconv.Itoa(*v.p) }
func (v countValue) kind() string   { return "number" }
func (v countValue) accepts() string {
	s := fmt.Sprintf("a number from %d to %d", v.min, v.max)
	if v.zero != "" {
		s += ", or 0 for " + v.zero
	}
	return s
}
