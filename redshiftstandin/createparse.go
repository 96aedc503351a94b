package redshiftstandin

import (
	"slices"
	"strings"
)

// tableElements reads the columns and table constraints of a CREATE TABLE.
func (c *cursor) tableElements(t *newTable) error {
	c.next()
	for {
		var err error
		switch {
		case c.take("like"):
			var like tableName
			if like, err = c.table(); err == nil {
				t.like = append(t.like, like)
				if c.take("including", "defaults") {
					err = notImitated("INCLUDING DEFAULTS")
				}
				_ = c.take("excluding", "defaults")
			}
		case c.peek().is("constraint", "primary", "unique", "foreign"):
			err = c.tableConstraint(t)
		default:
			err = c.column(t)
		}
		if err != nil {
			return err
		}
		if c.take(")") {
			return nil
		}
		if err := c.expect(","); err != nil {
			return err
		}
	}
}

// tableConstraint reads UNIQUE, PRIMARY KEY and FOREIGN KEY, which Redshift
// keeps for the planner and does not enforce.
func (c *cursor) tableConstraint(t *newTable) error {
	if c.take("constraint") {
		if _, err := c.name(); err != nil {
			return err
		}
	}
	primary := c.take("primary", "key")
	switch {
	case primary, c.take("unique"):
	case c.take("foreign", "key"):
	default:
		return c.unexpected()
	}
	names, err := c.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		i := slices.IndexFunc(t.columns, func(c columnInfo) bool { return c.Column == name })
		if i < 0 {
			return errorf(codeNoColumn, "column %q named in key does not exist", name)
		}
		t.columns[i].Key = true
		t.columns[i].NotNull = t.columns[i].NotNull || primary
	}
	return c.references()
}

func (c *cursor) references() error {
	if !c.take("references") {
		return nil
	}
	if _, err := c.table(); err != nil {
		return err
	}
	if c.peek().is("(") {
		_, err := c.names()
		return err
	}
	return nil
}

// column reads a column of a CREATE TABLE.
func (c *cursor) column(t *newTable) error {
	column, attributes, err := c.columnDefinition()
	if err != nil {
		return err
	}
	t.columns = append(t.columns, column)
	if attributes.distKey {
		if t.info.DistKey != "" {
			return errorf(codeSyntax, "cannot specify more than one column as distribution key")
		}
		t.info.DistKey = column.Column
	}
	if attributes.sortKey {
		t.info.SortKey = append(t.info.SortKey, column.Column)
	}
	return nil
}

type columnAttributes struct{ distKey, sortKey bool }

// encodings are the compressions of columns.
var encodings = map[string]bool{
	"raw": true, "az64": true, "bytedict": true, "delta": true, "delta32k": true, "lzo": true, "mostly8": true, "mostly16": true,
	"mostly32": true, "runlength": true, "text255": true, "text32k": true, "zstd": true, "auto": true,
}

// columnDefinition reads a name, a type and attributes.
func (c *cursor) columnDefinition() (column columnInfo, a columnAttributes, err error) {
	if column.Column, err = c.name(); err != nil {
		return column, a, err
	}
	if len(column.Column) > 127 {
		return column, a, errorf("42622", "identifier %q is longer than 127 bytes", column.Column)
	}
	if column.Type, err = c.dataType(); err != nil {
		return column, a, err
	}
	for {
		switch {
		case c.take("encode"):
			if column.Encode, err = c.name(); err == nil && !encodings[column.Encode] {
				err = errorf(codeNoParameter, "encoding type %q does not exist", column.Encode)
			}
		case c.take("not", "null"):
			column.NotNull = true
		case c.take("null"):
		case c.take("default"):
			column.Default, err = c.defaultValue()
		case c.take("distkey"):
			a.distKey = true
		case c.take("sortkey"):
			a.sortKey = true
		case c.take("primary", "key"):
			column.Key, column.NotNull = true, true
		case c.take("unique"):
			column.Key = true
		case c.peek().is("references"):
			column.Key = true
			err = c.references()
		case c.peek().is("identity", "generated", "collate"):
			err = notImitated("the column attribute %s", strings.ToUpper(c.peek().text))
		default:
			return column, a, nil
		}
		if err != nil {
			return column, a, err
		}
	}
}

// defaultValue reads a literal, or one of the functions of the time.
func (c *cursor) defaultValue() (string, error) {
	sign := ""
	if c.take("-") {
		sign = "-"
	}
	switch t := c.next(); {
	case t.kind == number:
		return sign + t.text, nil
	case sign != "":
	case t.kind == text:
		return literal(t.text), nil
	case t.is("null", "true", "false"):
		return t.text, nil
	case t.is("sysdate"), t.is("getdate") && c.take("(", ")"):
		return "current_timestamp::TIMESTAMP", nil
	}
	c.at--
	return "", notImitated("the default %s", c.peek().raw)
}

// tableAttributes reads BACKUP, DISTSTYLE, DISTKEY, SORTKEY and ENCODE AUTO.
func (c *cursor) tableAttributes(t *newTable) (err error) {
	for {
		switch {
		case c.take("backup"):
			if !c.take("yes") && !c.take("no") {
				return c.unexpected()
			}
		case c.take("diststyle"):
			if !c.peek().is("auto", "even", "key", "all") {
				return c.unexpected()
			}
			t.info.DistStyle = c.next().text
		case c.take("distkey"):
			var names []string
			if names, err = c.names(); err != nil {
				return err
			}
			if len(names) != 1 || t.info.DistKey != "" {
				return syntaxError("a table has one distribution key")
			}
			t.info.DistKey = names[0]
		case c.take("sortkey", "auto"), c.take("encode", "auto"):
		case c.take("interleaved"):
			return notImitated("INTERLEAVED SORTKEY")
		case c.peek().is("compound", "sortkey"):
			_ = c.take("compound")
			if err = c.expect("sortkey"); err != nil {
				return err
			}
			if t.info.SortKey, err = c.names(); err != nil {
				return err
			}
		default:
			return t.checkDistribution()
		}
	}
}

func (t *newTable) checkDistribution() error {
	switch {
	case t.info.DistKey != "" && t.info.DistStyle == "":
		t.info.DistStyle = "key"
	case t.info.DistStyle == "":
		t.info.DistStyle = "auto"
	case t.info.DistStyle == "key" && t.info.DistKey == "" && t.as == nil:
		return syntaxError("DISTSTYLE KEY requires a DISTKEY")
	case t.info.DistKey != "" && t.info.DistStyle != "key":
		return syntaxError("cannot specify DISTKEY with DISTSTYLE %s", strings.ToUpper(t.info.DistStyle))
	}
	return nil
}
