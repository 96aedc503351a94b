package redshiftstandin

import (
	"slices"
	"strconv"
	"strings"
)

// keywords are words that are no names where an expression may stand.
var keywords = wordSet(`select distinct top as where group by having order asc desc nulls first last limit offset union except
	intersect minus all any some and or not in is null like ilike similar to between exists escape when then else values set default
	true false with recursive over partition rows range unbounded preceding following current row insert delete inner left right full
	outer cross natural on unknown interval qualify ignore respect`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

func (r *rewriter) isKeyword(t token) bool {
	if r.at > 0 && r.tokens[r.at-1].is("as") || r.ahead(1).is(".") {
		return false
	}
	if t.is("left", "right") && r.ahead(1).is("(") {
		return false
	}
	return keywords[t.text]
}

// functions are those that mean the same in both, by Redshift's name; the
// value is DuckDB's if it is another.
var functions = map[string]string{
	"count": "", "sum": "", "min": "", "max": "", "coalesce": "", "nullif": "", "nvl": "coalesce", "lower": "", "upper": "", "length": "",
	"len": "length", "char_length": "length", "character_length": "length", "octet_length": "strlen", "trim": "", "btrim": "trim",
	"ltrim": "", "rtrim": "", "substring": "", "substr": "", "left": "", "right": "", "replace": "", "strpos": "", "abs": "",
	"round": "", "floor": "", "ceil": "", "ceiling": "", "greatest": "", "least": "", "date_trunc": "", "date_part": "",
	"row_number": "", "rank": "", "dense_rank": "", "lag": "", "lead": "", "first_value": "", "last_value": "", "bool_and": "",
	"bool_or": "", "md5": "", "split_part": "", "chr": "", "ascii": "", "lpad": "", "rpad": "", "reverse": "", "repeat": "", "sign": "",
	"mod": "", "power": "", "sqrt": "", "random": "", "concat": "", "extract": "", "stddev": "",
	"json_parse": "rs_json_parse", "json_serialize": "rs_json_serialize", "json_typeof": "rs_json_typeof",
	"can_json_parse": "rs_can_json_parse", "json_size": "rs_json_size", "get_array_length": "rs_get_array_length",
	"is_varchar": "rs_is_varchar", "is_char": "rs_is_varchar", "is_smallint": "rs_is_smallint", "is_integer": "rs_is_integer",
	"is_bigint": "rs_is_bigint", "is_float": "rs_is_float", "is_decimal": "rs_is_decimal", "is_boolean": "rs_is_boolean",
	"is_object": "rs_is_object", "is_array": "rs_is_array", "is_scalar": "rs_is_scalar",
	"object": "json_object", "array": "json_array",
}

// notFunctions are words with a parenthesis behind that are no functions.
var notFunctions = wordSet("in values and or not exists any some all over as on using when then else by where having select from distinct between like union except intersect set is limit case with")

// named rewrites a name: a function, a column, or a path into a SUPER value.
func (r *rewriter) named() error {
	t := r.peek()
	after := r.ahead(1)
	if t.kind == word && after.is("(") && !notFunctions[t.text] && !r.isColumnList() {
		return r.function()
	}
	if t.kind == word && after.kind == text && t.is("date", "timestamp", "timestamptz") {
		r.next()
		r.operand(strings.ToUpper(t.text) + " " + literal(r.next().text))
		return nil
	}
	if t.kind == word && !after.is(".") {
		switch t.text {
		case "sysdate":
			r.next()
			r.operand("current_timestamp::TIMESTAMP")
			return nil
		case "current_date", "current_timestamp":
			r.next()
			r.operand(t.text)
			return nil
		case "current_user", "session_user", "user":
			r.next()
			r.operand(literal(r.session.user))
			return nil
		}
	}
	return r.path()
}

// isColumnList tells the columns of an INSERT, or of a common table
// expression, from the arguments of a function.
func (r *rewriter) isColumnList() bool {
	depth := 0
	for i := 1; ; i++ {
		switch t := r.ahead(i); {
		case t.kind == 0:
			return false
		case t.is("("):
			depth++
		case t.is(")"):
			if depth--; depth == 0 {
				return r.ahead(i+1).is("as") && r.ahead(i+2).is("(")
			}
		}
	}
}

// constants are the functions that the session itself answers.
func (r *rewriter) constant(name string) (string, bool) {
	s := r.session
	switch name {
	case "pg_last_copy_count":
		return strconv.FormatInt(s.lastCopyRows, 10) + "::BIGINT", true
	case "pg_last_copy_id":
		return strconv.FormatInt(s.lastCopyID, 10) + "::INTEGER", true
	case "pg_backend_pid":
		return itoa(int(s.id)), true
	case "getdate":
		return "current_timestamp::TIMESTAMP", true
	case "current_database":
		return "'dev'", true
	case "current_schema":
		return literal(s.schema()), true
	case "version":
		return literal(versionText), true
	}
	return "", false
}

const versionText = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.0 (stand-in)"

func (r *rewriter) function() error {
	t := r.next()
	name := t.text
	if value, ok := r.constant(name); ok {
		if err := r.expect("(", ")"); err != nil {
			return err
		}
		r.operand(value)
		return nil
	}
	if name == "cast" {
		return r.castFunction()
	}
	if name == "object_transform" {
		return r.objectTransform()
	}
	duck, known := functions[name]
	if !known {
		return notImitated("the function %s", strings.ToUpper(name))
	}
	if duck == "" {
		duck = name
	}
	r.next()
	// EXTRACT(year FROM x), TRIM(BOTH FROM x): not a table.
	inner := &rewriter{cursor: r.cursor, session: r.session, supers: r.supers, refs: r.refs, primary: -1}
	for !r.peek().is(")") {
		if r.peek().is("from") && slices.Contains([]string{"extract", "trim", "substring"}, name) {
			r.next()
			inner.out = append(inner.out, "FROM")
			continue
		}
		if name == "extract" && len(inner.out) == 0 && r.peek().kind == word {
			inner.out = append(inner.out, r.next().text)
			continue
		}
		if r.done() {
			return r.unexpected()
		}
		if err := inner.one(); err != nil {
			return err
		}
	}
	r.next()
	r.operand(duck + "(" + strings.Join(inner.out, " ") + ")")
	return nil
}

// castFunction is CAST(x AS type).
func (r *rewriter) castFunction() error {
	r.next()
	operand, err := r.nested("as")
	if err != nil {
		return err
	}
	t, err := r.dataType()
	if err != nil {
		return err
	}
	r.operand(cast("("+operand+")", t))
	return r.expect(")")
}

// path rewrites a column's name and, if it is a SUPER column, what is taken
// out of it. Names in a path keep their letter case only with
// enable_case_sensitive_identifier or …_super_attribute.
func (r *rewriter) path() error {
	first := r.next()
	names := []token{first}
	for r.peek().is(".") && r.ahead(1).isName() {
		r.next()
		names = append(names, r.next())
	}
	fixed := 1
	super := false
	if columns, isAlias := r.supers[r.folded(first)]; isAlias && len(names) > 1 {
		fixed, super = 2, columns[r.folded(names[1])]
	} else {
		for _, columns := range r.supers {
			super = super || columns[r.folded(first)]
		}
		if !super && len(names) == 2 {
			fixed = 2 // of a subquery, or an unknown table
		}
	}
	duck := make([]string, fixed)
	for i := range duck {
		duck[i] = identifier(r.folded(names[i]))
	}
	base := strings.Join(duck, ".")
	if r.peek().is(".") && r.ahead(1).is("*") {
		r.next()
		r.next()
		r.out = append(r.out, base+".*")
		r.primary = -1
		return nil
	}
	if !super && (len(names) > fixed || r.peek().is("[")) {
		return notImitated("a path into %s, which is not known as a column of type SUPER", base)
	}
	return r.steps(base, names[fixed:])
}

// steps writes the path behind a SUPER column as a JSON pointer.
func (r *rewriter) steps(base string, names []token) error {
	var pointer strings.Builder
	step := func(t token) {
		name := r.folded(t)
		if r.session.setting("enable_case_sensitive_super_attribute") == "true" {
			name = t.raw
			if t.kind == quoted {
				name = t.text
			}
		}
		pointer.WriteString("/" + pointerEscape.Replace(name))
	}
	for _, t := range names {
		step(t)
	}
	for {
		switch {
		case r.peek().is("[") && r.ahead(1).kind == number && r.ahead(2).is("]"):
			pointer.WriteString("/" + r.ahead(1).text)
			r.at += 3
		case r.peek().is("."):
			r.next()
			if !r.peek().isName() {
				return r.unexpected()
			}
			step(r.next())
		case r.peek().is("["):
			return notImitated("a subscript that is not a number")
		case pointer.Len() == 0:
			r.operand(base)
			return nil
		default:
			r.operand("rs_path(" + base + ", " + literal(pointer.String()) + ")")
			return nil
		}
	}
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")
