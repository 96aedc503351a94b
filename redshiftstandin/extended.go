package redshiftstandin

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
)

// prepared is a statement that a client has sent by Parse.
type prepared struct {
	sql    string
	tokens []token // nil: nothing
	oids   []uint32
}

// portal is a statement with its arguments.
type portal struct {
	*prepared
	tokens  []token
	formats []int16
}

// extended answers the messages of the extended protocol. Rows are always
// sent at once, whatever number Execute asks for.
func (c *connection) extended(m pgproto3.FrontendMessage) error {
	switch m := m.(type) {
	case *pgproto3.Parse:
		return c.parse(m)
	case *pgproto3.Bind:
		return c.bind(m)
	case *pgproto3.Describe:
		return c.describe(m)
	case *pgproto3.Execute:
		p, ok := c.portals[m.Portal]
		if !ok {
			return errorf("34000", "portal %q does not exist", m.Portal)
		}
		return c.execute(p)
	case *pgproto3.Close:
		if m.ObjectType == 'S' {
			delete(c.prepared, m.Name)
		} else {
			delete(c.portals, m.Name)
		}
		c.backend.Send(&pgproto3.CloseComplete{})
	}
	return nil
}

func (c *connection) parse(m *pgproto3.Parse) error {
	tokens, err := c.session.lex(m.Query)
	if err != nil {
		return err
	}
	p := &prepared{sql: m.Query, oids: append([]uint32(nil), m.ParameterOIDs...)}
	statements := split(tokens)
	if len(statements) > 1 {
		return syntaxError("cannot insert multiple commands into a prepared statement")
	}
	if len(statements) == 1 {
		p.tokens = statements[0]
	}
	for _, t := range p.tokens {
		if t.kind != binding {
			continue
		}
		if p.tokens[0].is("copy", "lock", "create", "alter", "set", "unload") {
			return syntaxError("at or near %q: %s takes no bind parameters", t.raw, p.tokens[0].raw)
		}
		n, err := strconv.Atoi(t.text)
		if err != nil || n < 1 || n > 32767 {
			return syntaxError("there is no parameter %s", t.raw)
		}
		for len(p.oids) < n {
			p.oids = append(p.oids, 0)
		}
	}
	for i, oid := range p.oids {
		if oid == 0 {
			p.oids[i] = pgtype.UnknownOID
		}
	}
	c.prepared[m.Name] = p
	c.backend.Send(&pgproto3.ParseComplete{})
	return nil
}

// bind puts the arguments in as literals.
func (c *connection) bind(m *pgproto3.Bind) error {
	p, ok := c.prepared[m.PreparedStatement]
	if !ok {
		return errorf("26000", "prepared statement %q does not exist", m.PreparedStatement)
	}
	if len(m.Parameters) != len(p.oids) {
		return errorf(codeProtocol, "bind message supplies %d parameters, but prepared statement requires %d", len(m.Parameters), len(p.oids))
	}
	values := make([]token, len(p.oids))
	types := pgtype.NewMap()
	for i, v := range m.Parameters {
		switch {
		case v == nil:
			values[i] = token{kind: word, text: "null", raw: "NULL"}
		case formatOf(m.ParameterFormatCodes, i) == 0:
			values[i] = token{kind: text, text: string(v)}
		default:
			t, known := types.TypeForOID(p.oids[i])
			if !known {
				return notImitated("binary arguments of the type with OID %d", p.oids[i])
			}
			decoded, err := t.Codec.DecodeValue(types, p.oids[i], 1, v)
			if err != nil {
				return errorf("22P03", "argument $%d: %v", i+1, err)
			}
			written, err := types.Encode(p.oids[i], 0, decoded, nil)
			if err != nil {
				return errorf("22P03", "argument $%d: %v", i+1, err)
			}
			values[i] = token{kind: text, text: string(written)}
		}
	}
	c.portals[m.DestinationPortal] = &portal{
		prepared: p, tokens: substitute(p.tokens, values), formats: append([]int16(nil), m.ResultFormatCodes...),
	}
	c.backend.Send(&pgproto3.BindComplete{})
	return nil
}

// substitute puts values in the place of parameters; NULL where there are none.
func substitute(tokens, values []token) []token {
	full := make([]token, len(tokens))
	for i, t := range tokens {
		if t.kind == binding {
			n, _ := strconv.Atoi(t.text)
			t = token{kind: word, text: "null", raw: "NULL"}
			if n <= len(values) {
				t = values[n-1]
			}
		}
		full[i] = t
	}
	return full
}

func (c *connection) describe(m *pgproto3.Describe) error {
	if m.ObjectType == 'P' {
		p, ok := c.portals[m.Name]
		if !ok {
			return errorf("34000", "portal %q does not exist", m.Name)
		}
		return c.describeRows(p.tokens, p.formats)
	}
	p, ok := c.prepared[m.Name]
	if !ok {
		return errorf("26000", "prepared statement %q does not exist", m.Name)
	}
	c.backend.Send(&pgproto3.ParameterDescription{ParameterOIDs: p.oids})
	return c.describeRows(substitute(p.tokens, nil), nil)
}

func (c *connection) describeRows(tokens []token, formats []int16) error {
	s := c.session
	if s.tx.failed || len(tokens) == 0 || !tokens[0].is("select", "with", "show", "(") {
		c.backend.Send(&pgproto3.NoData{})
		return nil
	}
	columns := []column{{"show", dataType{Name: "character varying", Length: maxVarchar}}}
	if !tokens[0].is("show") {
		ctx, end := s.limit(context.Background())
		defer end()
		duck, err := s.translateQuery(ctx, &cursor{tokens: tokens, fold: s.folds()})
		if err == nil {
			columns, err = s.resultOf(ctx, duck)
		}
		if err != nil {
			s.fail()
			return err
		}
		if !s.tx.block {
			s.rollback()
		}
	}
	c.backend.Send(rowDescription(columns, formats))
	return nil
}

func (c *connection) execute(p *portal) error {
	if len(p.tokens) == 0 {
		c.backend.Send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	out := &wireSink{backend: c.backend, formats: p.formats}
	if err := c.session.execute(context.Background(), p.sql, p.tokens, out); err != nil {
		return err
	}
	return out.err
}
