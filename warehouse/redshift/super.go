package redshift

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/ikada-io/ikada/warehouse/redshift/rules"
)

// decodeSuper reads a SUPER value, and what is kept as text in it or, as in
// _rest, in its members. Numbers keep their digits.
func decodeSuper(text string) any {
	v := decode(text)
	if object, ok := v.(map[string]any); ok {
		for name, member := range object {
			object[name] = unwrap(member)
		}
		if whole, ok := object[rules.WholeName].(map[string]any); ok {
			delete(object, rules.WholeName)
			maps.Copy(object, whole)
		}
	}
	return unwrap(v)
}

func unwrap(v any) any {
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return v
	}
	pieces, ok := object[rules.TextKey].([]any)
	if !ok {
		return v
	}
	var b strings.Builder
	for _, p := range pieces {
		text, ok := p.(string)
		if !ok {
			return v
		}
		b.WriteString(text)
	}
	return decode(b.String())
}

func decode(text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text
	}
	return v
}
