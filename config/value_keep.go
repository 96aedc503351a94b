package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	day     = 24 * time.Hour
	forever = "forever"
	maxKeep = 36_500 // days
)

// parseKeep reads how long something is kept: "90d", "48h"; 0 for "forever" or "".
func parseKeep(text string) (time.Duration, error) {
	if text == "" || text == forever {
		return 0, nil
	}
	unit, number := time.Hour, ""
	if days, ok := strings.CutSuffix(text, "d"); ok {
		unit, number = day, days
	} else if hours, ok := strings.CutSuffix(text, "h"); ok {
		number = hours
	}
	n, err := strconv.Atoi(number)
	if err != nil || strings.HasPrefix(number, "+") {
		return 0, fmt.Errorf("%q is no time to keep something", text)
	}
	if d := time.Duration(n) * unit; n > 0 && n <= maxKeep*24 && d >= time.Hour && d <= maxKeep*day {
		return d, nil
	}
	return 0, fmt.Errorf("%s is out of range", text)
}

// formatKeep is the inverse of parseKeep.
func formatKeep(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
}

// keepValue is how long something is kept.
type keepValue struct{ p *time.Duration }

func (v keepValue) set(text string) (err error) {
	d, err := parseKeep(text)
	if err == nil {
		*v.p = d
	}
	return err
}
func (v keepValue) String() string { return formatKeep(*v.p) }
func (v keepValue) kind() string   { return "days or hours" }
func (v keepValue) accepts() string {
	return "days or hours from 1h to 36500d, such as 90d, or forever"
}

// keepTable is how long something is kept of single log types.
type keepTable struct {
	p *map[string]time.Duration
}

func (v keepTable) set(text string) error {
	var pairs [][2]string
	for pair := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		logType, keep, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q has no time (TYPE=90d)", pair)
		}
		pairs = append(pairs, [2]string{logType, keep})
	}
	return v.setTable(pairs)
}

func (v keepTable) setTable(pairs [][2]string) error {
	all := make(map[string]time.Duration, len(pairs))
	for _, pair := range pairs {
		d, err := parseKeep(pair[1])
		switch _, twice := all[pair[0]]; {
		case pair[0] == "":
			return errors.New("a log type has no name")
		case twice:
			return fmt.Errorf("log type %q is there twice", pair[0])
		case pair[1] == "":
			return fmt.Errorf("log type %q has no time", pair[0])
		case err != nil:
			return fmt.Errorf("log type %q: %w", pair[0], err)
		}
		all[pair[0]] = d
	}
	*v.p = all
	return nil
}

func (v keepTable) String() string {
	names := slices.Sorted(maps.Keys(*v.p))
	for i, name := range names {
		keep := formatKeep((*v.p)[name])
		if keep == "" {
			keep = forever
		}
		names[i] += "=" + keep
	}
	return strings.Join(names, ",")
}
func (v keepTable) kind() string { return "map of days or hours" }
func (v keepTable) accepts() string {
	return "log types, each with days or hours from 1h to 36500d, such as 90d, or forever"
}
