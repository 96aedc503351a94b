package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Values that hold secrets. Their errors never repeat what was given.

type secretValue struct{ p *Secret }

func (v secretValue) set(text string) error { *v.p = NewSecret(text); return nil }
func (v secretValue) String() string        { return v.p.String() }
func (v secretValue) kind() string          { return "secret" }
func (v secretValue) accepts() string       { return "a text" }

// keyValue is a secret that must not be guessed.
type keyValue struct{ secretValue }

const leastKey = 16

func (v keyValue) set(text string) error {
	if text != "" && len(text) < leastKey {
		return fmt.Errorf("it has %d characters", len(text))
	}
	return v.secretValue.set(text)
}
func (v keyValue) accepts() string { return fmt.Sprintf("at least %d characters", leastKey) }

type tokensValue struct{ p *[]Secret }

func (v tokensValue) set(text string) error {
	if text == "" {
		return v.setList(nil)
	}
	return v.setList(strings.Split(text, ","))
}

func (v tokensValue) setList(texts []string) error {
	tokens := make([]Secret, len(texts))
	for i, text := range texts {
		if text == "" || strings.ContainsAny(text, " \t\r\n") {
			return fmt.Errorf("token %d is empty or has a blank", i+1)
		}
		tokens[i] = NewSecret(text)
	}
	*v.p = tokens
	return nil
}

func (v tokensValue) String() string {
	return strings.TrimSuffix(strings.Repeat("***,", len(*v.p)), ",")
}
func (v tokensValue) kind() string    { return "list of secrets" }
func (v tokensValue) accepts() string { return "a list of tokens without blanks" }

type usersValue struct{ p *map[string]Secret }

func (v usersValue) set(text string) error {
	var pairs [][2]string
	for pair := range strings.SplitSeq(text, ",") {
		user, password, ok := strings.Cut(pair, "=")
		if !ok && text != "" {
			return errors.New("a user has no password (USER=PASSWORD)")
		}
		if text != "" {
			pairs = append(pairs, [2]string{user, password})
		}
	}
	return v.setTable(pairs)
}

func (v usersValue) setTable(pairs [][2]string) error {
	users := make(map[string]Secret, len(pairs))
	for _, pair := range pairs {
		switch _, twice := users[pair[0]]; {
		case pair[0] == "":
			return errors.New("a user has no name")
		case pair[1] == "":
			return fmt.Errorf("user %q has no password", pair[0])
		case twice:
			return fmt.Errorf("user %q is there twice", pair[0])
		}
		users[pair[0]] = NewSecret(pair[1])
	}
	*v.p = users
	return nil
}

func (v usersValue) String() string {
	names := slices.Sorted(maps.Keys(*v.p))
	for i := range names {
		names[i] += "=***"
	}
	return strings.Join(names, ",")
}
func (v usersValue) kind() string    { return "map of secrets" }
func (v usersValue) accepts() string { return "users and their passwords" }
