package redshiftstandin

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/jackc/pgx/v5/pgproto3"
)

// connection is one client's, by PostgreSQL's protocol 3.0.
type connection struct {
	net.Conn
	backend  *pgproto3.Backend
	session  *session
	prepared map[string]*prepared
	portals  map[string]*portal
	skipping bool // what follows an error, up to Sync
}

func (s *Server) serve(raw net.Conn) {
	c := &connection{Conn: raw, backend: pgproto3.NewBackend(raw, raw), prepared: map[string]*prepared{}, portals: map[string]*portal{}}
	defer func() { _ = c.Close() }()
	start, err := c.handshake(s)
	if err != nil || start == nil {
		return
	}
	if err := c.start(s, start); err != nil {
		c.fatal(err)
		return
	}
	defer c.session.close()
	c.loop()
}

// handshake reads up to the client's parameters; nil if it only cancels.
func (c *connection) handshake(s *Server) (*pgproto3.StartupMessage, error) {
	for {
		message, err := c.backend.ReceiveStartupMessage()
		if err != nil {
			return nil, err
		}
		switch m := message.(type) {
		case *pgproto3.SSLRequest:
			if s.options.TLS == nil {
				if _, err := c.Write([]byte{'N'}); err != nil {
					return nil, err
				}
				continue
			}
			if _, err := c.Write([]byte{'S'}); err != nil {
				return nil, err
			}
			c.Conn = tls.Server(c.Conn, s.options.TLS)
			c.backend = pgproto3.NewBackend(c.Conn, c.Conn)
		case *pgproto3.GSSEncRequest:
			if _, err := c.Write([]byte{'N'}); err != nil {
				return nil, err
			}
		case *pgproto3.CancelRequest:
			s.cancel(m)
			return nil, nil
		case *pgproto3.StartupMessage:
			return m, nil
		}
	}
}

// cancel cancels what a session runs, if the secret is right.
func (s *Server) cancel(m *pgproto3.CancelRequest) {
	s.mu.Lock()
	n := s.sessions[int32(m.ProcessID)]
	s.mu.Unlock()
	if n != nil && len(m.SecretKey) == 4 && n.secret == beUint32(m.SecretKey) {
		n.interrupt("Query cancelled on user's request")
	}
}

func beUint32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// start lets a client in.
func (c *connection) start(s *Server, m *pgproto3.StartupMessage) error {
	user := m.Parameters["user"]
	if s.options.Password != "" {
		if err := c.password(s, user); err != nil {
			return err
		}
	}
	var err error
	raw := c.Conn
	if c.session, err = s.newSession(context.Background(), user, func() { _ = raw.Close() }); err != nil {
		return err
	}
	for name, value := range m.Parameters {
		if name == "user" || name == "database" {
			continue
		}
		if err := c.session.assign(name, value); err != nil {
			c.session.close()
			return err
		}
	}
	c.backend.Send(&pgproto3.AuthenticationOk{})
	for _, p := range s.reported(user) {
		c.backend.Send(&pgproto3.ParameterStatus{Name: p[0], Value: p[1]})
	}
	key := c.session.secret
	c.backend.Send(&pgproto3.BackendKeyData{ProcessID: uint32(c.session.id), SecretKey: []byte{byte(key >> 24), byte(key >> 16), byte(key >> 8), byte(key)}})
	return c.ready()
}

// reported are the parameters that Redshift tells a client, and for pgx's
// arguments two that it does not.
func (s *Server) reported(user string) [][2]string {
	p := [][2]string{
		{"server_version", "8.0.2"}, {"server_encoding", "UNICODE"}, {"client_encoding", "UNICODE"}, {"DateStyle", "ISO, MDY"},
		{"integer_datetimes", "on"}, {"is_superuser", "off"}, {"session_authorization", user}, {"padb_version", "PostgreSQL 8.0.2"},
	}
	if s.options.PgxArguments {
		p[2][1] = "UTF8"
		p = append(p, [2]string{"standard_conforming_strings", "on"})
	}
	return p
}

func (c *connection) password(s *Server, user string) error {
	c.backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := c.backend.Flush(); err != nil {
		return err
	}
	if err := c.backend.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return err
	}
	m, err := c.backend.Receive()
	if err != nil {
		return err
	}
	if p, ok := m.(*pgproto3.PasswordMessage); !ok || p.Password != s.options.Password || user != s.options.User {
		return errorf(codeBadPassword, "password authentication failed for user %q", user)
	}
	return nil
}

// loop answers messages until the client goes, or a fault cuts the connection.
func (c *connection) loop() {
	for {
		m, err := c.backend.Receive()
		if err != nil {
			return
		}
		if _, bye := m.(*pgproto3.Terminate); bye {
			return
		}
		if err := c.handle(m); err != nil {
			return
		}
	}
}

func (c *connection) handle(m pgproto3.FrontendMessage) error {
	if c.skipping {
		if _, sync := m.(*pgproto3.Sync); !sync {
			return nil
		}
	}
	switch m := m.(type) {
	case *pgproto3.Query:
		return c.simple(m.String)
	case *pgproto3.Sync:
		c.skipping = false
		return c.ready()
	case *pgproto3.Flush:
		return c.backend.Flush()
	case *pgproto3.Parse, *pgproto3.Bind, *pgproto3.Describe, *pgproto3.Execute, *pgproto3.Close:
		err := c.extended(m)
		if err == nil || errors.Is(err, errCut) {
			return err
		}
		c.skipping = true
		c.fail(err)
		return c.backend.Flush()
	}
	c.fail(errorf(codeProtocol, "the stand-in does not imitate the message %T", m))
	return c.ready()
}

// simple answers a Query message.
func (c *connection) simple(sql string) error {
	out := &wireSink{backend: c.backend, describe: true}
	err := c.session.run(context.Background(), sql, out)
	switch {
	case errors.Is(err, errCut):
		return err
	case err != nil:
		c.fail(err)
	case !out.answered:
		c.backend.Send(&pgproto3.EmptyQueryResponse{})
	}
	return c.ready()
}

func (c *connection) ready() error {
	status := byte('I')
	if c.session.tx.failed {
		status = 'E'
	} else if c.session.tx.block {
		status = 'T'
	}
	c.backend.Send(&pgproto3.ReadyForQuery{TxStatus: status})
	return c.backend.Flush()
}

func (c *connection) fail(err error) { c.backend.Send(errorResponse(err, "ERROR")) }

func (c *connection) fatal(err error) {
	c.backend.Send(errorResponse(err, "FATAL"))
	_ = c.backend.Flush()
}

func errorResponse(err error, severity string) *pgproto3.ErrorResponse {
	e := &Error{Code: codeInternal, Message: err.Error()}
	_ = errors.As(err, &e)
	return &pgproto3.ErrorResponse{Severity: severity, Code: e.Code, Message: e.Message, Detail: e.Detail}
}
