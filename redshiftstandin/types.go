package redshiftstandin

import (
	"fmt"
	"strings"
)

// dataType is a column type of Redshift.
type dataType struct {
	Name   string `json:"name"` // as information_schema spells it
	Length int    `json:"length,omitempty"`
	Scale  int    `json:"scale,omitempty"`
}

const (
	maxVarchar = 65535
	maxChar    = 4096
	maxSuper   = 16 << 20
)

// plainTypes have no arguments: how each is written, and its canonical name.
var plainTypes = map[string]string{
	"smallint": "smallint", "int2": "smallint", "integer": "integer", "int": "integer", "int4": "integer",
	"bigint": "bigint", "int8": "bigint", "real": "real", "float4": "real", "float8": "double precision", "float": "double precision",
	"boolean": "boolean", "bool": "boolean", "date": "date", "super": "super",
	"timestamptz": "timestamp with time zone",
}

// otherTypes are Redshift's, but not imitated.
var otherTypes = map[string]bool{
	"time": true, "timetz": true, "varbyte": true, "varbinary": true, "binary": true, "geometry": true, "geography": true,
	"hllsketch": true, "interval": true, "bytea": true,
}

// duck and oid tell a type's counterpart in DuckDB and on the wire.
var typeTable = map[string]struct {
	duck string
	oid  uint32
}{
	"smallint": {"SMALLINT", 21}, "integer": {"INTEGER", 23}, "bigint": {"BIGINT", 20}, "real": {"FLOAT", 700},
	"double precision": {"DOUBLE", 701}, "boolean": {"BOOLEAN", 16}, "date": {"DATE", 1082}, "super": {"JSON", 4000},
	"timestamp without time zone": {"TIMESTAMP", 1114}, "timestamp with time zone": {"TIMESTAMPTZ", 1184},
	"numeric": {"DECIMAL", 1700}, "character": {"VARCHAR", 1042}, "character varying": {"VARCHAR", 1043},
}

func (t dataType) duck() string {
	if t.Name == "numeric" {
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Length, t.Scale)
	}
	return typeTable[t.Name].duck
}

func (t dataType) String() string {
	switch t.Name {
	case "numeric":
		return fmt.Sprintf("numeric(%d,%d)", t.Length, t.Scale)
	case "character", "character varying":
		return fmt.Sprintf("%s(%d)", t.Name, t.Length)
	}
	return t.Name
}

func (t dataType) isText() bool { return t.Name == "character varying" || t.Name == "character" }

// dataType reads a type.
func (c *cursor) dataType() (dataType, error) {
	t := c.next()
	if t.kind != word {
		c.at--
		return dataType{}, c.unexpected()
	}
	if name, ok := plainTypes[t.text]; ok {
		return dataType{Name: name}, nil
	}
	switch t.text {
	case "double":
		return dataType{Name: "double precision"}, c.expect("precision")
	case "timestamp":
		if c.take("with", "time", "zone") {
			return dataType{Name: "timestamp with time zone"}, nil
		}
		c.take("without", "time", "zone")
		return dataType{Name: "timestamp without time zone"}, nil
	case "decimal", "numeric":
		return c.decimal()
	case "character", "char", "nchar", "bpchar", "varchar", "nvarchar", "text":
		return c.characters(t.text)
	}
	if otherTypes[t.text] {
		return dataType{}, notImitated("the type %s", strings.ToUpper(t.text))
	}
	return dataType{}, errorf(codeNoParameter, "type %q does not exist", t.raw)
}

func (c *cursor) decimal() (dataType, error) {
	t := dataType{Name: "numeric", Length: 18} // (18,0) by default
	if !c.take("(") {
		return t, nil
	}
	var err error
	if t.Length, err = c.integer(); err != nil {
		return t, err
	}
	if c.take(",") {
		if t.Scale, err = c.integer(); err != nil {
			return t, err
		}
	}
	if t.Length < 1 || t.Length > 38 || t.Scale > 37 || t.Scale > t.Length {
		return t, errorf(codeBadParameter, "DECIMAL(%d,%d): the precision is 1 to 38, the scale 0 to 37 and not more", t.Length, t.Scale)
	}
	return t, c.expect(")")
}

// characters reads the lengths of character types, which count bytes. TEXT is
// VARCHAR(256) whatever stands behind it, CHAR is CHAR(1).
func (c *cursor) characters(name string) (dataType, error) {
	varying := name == "varchar" || name == "nvarchar" || name == "text" || name == "character" && c.take("varying")
	t, most := dataType{Name: "character", Length: 1}, maxChar
	if name == "bpchar" {
		t.Length = 256
	}
	if varying {
		t, most = dataType{Name: "character varying", Length: 256}, maxVarchar
	}
	if name == "bpchar" || name == "text" || !c.take("(") {
		return t, nil
	}
	if c.take("max") {
		t.Length = most
		return t, c.expect(")")
	}
	var err error
	if t.Length, err = c.integer(); err != nil {
		return t, err
	}
	if t.Length < 1 || t.Length > most {
		return t, errorf(codeBadParameter, "length for type %s cannot exceed %d", strings.ToUpper(t.Name), most)
	}
	return t, c.expect(")")
}
