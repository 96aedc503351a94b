package redshiftstandin

import "context"

// createView is CREATE VIEW name AS query.
func (s *session) createView(ctx context.Context, c *cursor, out sink) error {
	name, err := c.table()
	if err != nil {
		return err
	}
	if !c.take("as") {
		return notImitated("column names of CREATE VIEW")
	}
	if name.schema == "" {
		name.schema = s.schema()
	}
	if err := s.lock(ctx, s.key(name), exclusive); err != nil {
		return err
	}
	query, err := s.translateQuery(ctx, &cursor{tokens: c.tokens[c.at:], fold: c.fold})
	if err != nil {
		return err
	}
	if s.existsIn(ctx, name) {
		return errorf(codeDuplicate, "Relation %q already exists", name.name)
	}
	if err := s.exec(ctx, "CREATE VIEW "+s.duck(name)+" AS "+query); err != nil {
		return err
	}
	out.done("CREATE VIEW")
	return nil
}
