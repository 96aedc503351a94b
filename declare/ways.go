package declare

import "strings"

// Ways calls yield with every way that a path may go: "a.b" is the key b below
// a, and the key "a.b". Senders flatten objects so, and a guard must hold both.
func Ways(path string, yield func(keys []string)) {
	parts := strings.Split(path, ".")
	for joins := range 1 << (len(parts) - 1) {
		keys := []string{parts[0]}
		for i, part := range parts[1:] {
			if joins&(1<<i) != 0 {
				keys[len(keys)-1] += "." + part
			} else {
				keys = append(keys, part)
			}
		}
		yield(keys)
	}
}
