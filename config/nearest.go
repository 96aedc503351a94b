package config

import (
	"maps"
	"slices"
)

// closest returns the name that a misspelt one probably means, or "".
func closest(name string, names []string) string {
	best, least := "", len(name)/8+2 // a slip, and one more in every eight characters
	for _, n := range names {
		if d := distance(name, n); d < least {
			best, least = n, d
		}
	}
	return best
}

func didYouMean(name string) string {
	if name == "" || name == "--" {
		return ""
	}
	return " (did you mean " + name + "?)"
}

// distance counts the insertions, deletions and replacements between two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
