package redshiftstandin

import (
	"context"
	"strconv"
	"strings"
)

// parameters are Redshift's configuration parameters that can be set here,
// with their defaults (Configuration reference, AWS guide).
var parameters = map[string]string{
	"application_name": "", "client_encoding": "UNICODE", "datestyle": "ISO, MDY", "enable_case_sensitive_identifier": "false",
	"enable_case_sensitive_super_attribute": "false", "enable_result_cache_for_session": "true", "extra_float_digits": "0",
	"query_group": "default", "search_path": "$user, public", "server_version": "8.0.2", "statement_timeout": "0", "timezone": "UTC",
	"json_serialization_enable": "false", "wlm_query_slot_count": "1", "navigate_super_null_on_error": "true",
	"parse_super_null_on_error": "false", "cast_super_null_on_error": "true", "default_transaction_isolation": "serializable",
}

// fixedParameters have only the one value here.
var fixedParameters = map[string]bool{
	"datestyle": true, "json_serialization_enable": true, "navigate_super_null_on_error": true, "parse_super_null_on_error": true,
	"cast_super_null_on_error": true, "timezone": true,
}

// setting returns a parameter's value.
func (s *session) setting(name string) string {
	if v, ok := s.settings[name]; ok {
		return v
	}
	return parameters[name]
}

// assign sets a parameter, from SET or from the start of the connection.
func (s *session) assign(name, value string) error {
	name = strings.ToLower(name)
	old, known := parameters[name]
	switch {
	case !known:
		return errorf(codeNoParameter, "unrecognized configuration parameter %q", name)
	case name == "server_version":
		return errorf("55P02", "parameter %q cannot be changed", name)
	case name == "extra_float_digits":
		if n, err := strconv.Atoi(value); err != nil || n < -15 || n > 2 {
			return errorf(codeBadParameter, "%s is outside the valid range for parameter \"extra_float_digits\" (-15 .. 2)", value)
		}
	case name == "statement_timeout":
		if n, err := strconv.Atoi(value); err != nil || n < 0 {
			return errorf(codeBadParameter, "parameter \"statement_timeout\" requires a number of milliseconds, not %q", value)
		}
	case name == "client_encoding":
		if e := strings.ToUpper(strings.ReplaceAll(value, "-", "")); e != "UTF8" && e != "UNICODE" {
			return notImitated("the client encoding %q", value)
		}
	case strings.HasPrefix(name, "enable_"):
		on, err := truth(value)
		if err != nil {
			return errorf(codeBadParameter, "parameter %q requires a Boolean value", name)
		}
		value = strconv.FormatBool(on)
	case fixedParameters[name] && !strings.EqualFold(old, value):
		return notImitated("%s = %s", name, value)
	}
	s.settings[name] = value
	return nil
}

func truth(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "on", "yes", "true", "1":
		return true, nil
	case "off", "no", "false", "0":
		return false, nil
	}
	return false, strconv.ErrSyntax
}

// set is SET [SESSION] name {TO|=} value.
func (s *session) set(_ context.Context, c *cursor, out sink) error {
	c.next()
	if c.peek().is("local") {
		return notImitated("SET LOCAL")
	}
	_ = c.take("session")
	if c.peek().is("authorization", "transaction", "characteristics") {
		return notImitated("SET %s", strings.ToUpper(c.peek().text))
	}
	name, err := c.name()
	if err != nil {
		return err
	}
	if !c.take("to") && !c.take("=") {
		return c.unexpected()
	}
	var values []string
	for {
		sign := ""
		if c.take("-") {
			sign = "-"
		}
		t := c.next()
		if t.kind == mark || t.kind == 0 || t.kind == binding {
			c.at--
			return c.unexpected()
		}
		values = append(values, sign+t.text)
		if !c.take(",") {
			break
		}
	}
	if err := c.end(); err != nil {
		return err
	}
	if len(values) == 1 && values[0] == "default" {
		delete(s.settings, name)
	} else if err := s.assign(name, strings.Join(values, ", ")); err != nil {
		return err
	}
	out.done("SET")
	return nil
}

// reset is RESET name.
func (s *session) reset(_ context.Context, c *cursor, out sink) error {
	c.next()
	name, err := c.name()
	if err != nil {
		return err
	}
	if _, known := parameters[name]; !known && name != "all" {
		return errorf(codeNoParameter, "unrecognized configuration parameter %q", name)
	}
	delete(s.settings, name)
	if name == "all" {
		clear(s.settings)
	}
	out.done("RESET")
	return c.end()
}

// show is SHOW name.
func (s *session) show(_ context.Context, c *cursor, out sink) error {
	c.next()
	name, err := c.name()
	if err != nil {
		return err
	}
	if err := c.end(); err != nil {
		return notImitated("SHOW %s", name)
	}
	if _, known := parameters[name]; !known {
		return errorf(codeNoParameter, "unrecognized configuration parameter %q", name)
	}
	value := s.setting(name)
	out.columns([]column{{name, dataType{Name: "character varying", Length: maxVarchar}}})
	out.row([]*string{&value})
	out.done("SHOW")
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }
