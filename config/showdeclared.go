package config

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ikada-io/ikada/declare"
)

// describeDeclared prints the declared log types and the routes.
func (c *Config) describeDeclared(w io.Writer) error {
	show := func(path, text string) error {
		_, err := fmt.Fprintf(w, "%s\t%s\t(%s)\n", path, text, c.Source(path))
		return err
	}
	for i := range c.Types {
		t := &c.Types[i]
		path := typesKey + "." + string(t.Name)
		if err := show(path, ""); err != nil {
			return err
		}
		for _, key := range typeKeys {
			if _, given := c.sources[path+"."+key]; given {
				if err := show(path+"."+key, typeText(t, key)); err != nil {
					return err
				}
			}
		}
	}
	for i, r := range c.Routes {
		text := "tag " + r.Tag
		if r.Field != "" {
			text += ", field " + r.Field
		}
		if r.Value != "" {
			text += ", value " + r.Value
		}
		if err := show(routesKey+"."+strconv.Itoa(i+1), text+" → "+r.Type); err != nil {
			return err
		}
	}
	return nil
}

// typeText shows what a declared log type says under a key.
func typeText(t *declare.Type, key string) string {
	var parts []string
	switch key {
	case "table":
		return t.Table
	case "columns":
		for _, c := range t.Columns {
			if c.Type != 0 {
				parts = append(parts, c.Field+" "+c.Type.String())
			}
		}
	case "renames":
		for _, c := range t.Columns {
			if c.Name != "" {
				parts = append(parts, c.Field+" → "+c.Name)
			}
		}
	case "time":
		return t.Time.Path + ", " + t.Time.Format
	case "sort_keys":
		parts = t.SortKeys
	case "dist_style":
		return t.DistStyle
	case "dist_key":
		return t.DistKey
	case "partition":
		if t.ByDay {
			return "day"
		}
		return "hour"
	case "quarantine":
		return map[declare.Raw]string{declare.RawKeep: "keep", declare.RawWithhold: "withhold"}[t.Raw]
	default:
		for _, g := range t.Guards {
			if g.Do.String() == key {
				parts = append(parts, guardText(g))
			}
		}
	}
	return strings.Join(parts, ", ")
}

func guardText(g declare.Guard) string {
	switch {
	case g.Do != declare.MaskValue:
		return g.Path
	case g.Mask.KeepLast > 0:
		return fmt.Sprintf("%s (%q and the last %d)", g.Path, g.Mask.Text, g.Mask.KeepLast)
	}
	return fmt.Sprintf("%s (%q)", g.Path, g.Mask.Text)
}
