package warehouse

// reserve keeps the identifiers of declared columns for their fields.
func (n *names) reserve(declared []Column) {
	if len(declared) == 0 {
		return
	}
	n.wanted = make(map[string]Column, len(declared))
	for _, c := range declared {
		if _, there := n.columns[c.Field]; there {
			continue // it stays as it is
		}
		if _, taken := n.taken[c.Name]; taken {
			c.Name = "" // by a field that came before the declaration
		}
		n.wanted[c.Field] = c
	}
	for _, c := range n.wanted {
		if c.Name != "" {
			n.taken[c.Name] = struct{}{}
		}
	}
}

// declared returns the columns that a table is made with.
func (n *names) declared(all []Column) (add []Column) {
	for _, c := range all {
		if c.Type == 0 || len(add) == MaxColumns {
			continue
		}
		c.Name = n.takeWanted(n.wanted[c.Field], c.Field)
		if c.Type == Text {
			c.MaxBytes = 1 // which the first values widen
		}
		n.columns[c.Field] = c
		if !n.see(c.Field) {
			n.distinct = false
		}
		add = append(add, c)
	}
	return add
}

// takeWanted returns the identifier that was declared for a field, else a free one.
func (n *names) takeWanted(want Column, field string) string {
	if want.Name != "" {
		return want.Name
	}
	return n.take(field)
}
