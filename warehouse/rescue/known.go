package rescue

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ikada-io/ikada/warehouse"
)

// Known gathers rows that a warehouse refuses and that a load has set aside
// before: a replay leaves them out, too, as long as the quarantine has them.
type Known struct {
	rows map[string]*warehouse.LoadError // by the id of their first piece
}

// Add notes a row that is refused.
func (k *Known) Add(e *warehouse.LoadError, raw []byte) {
	if k.rows == nil {
		k.rows = map[string]*warehouse.LoadError{}
	}
	k.rows[asideID(e, raw)+idSuffix+"0"] = e
}

// Check asks which ids the quarantine has. One that it lacks is an error: the row would be nowhere.
func (k *Known) Check(has func(ids []string) (map[string]bool, error)) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(k.rows)), 500) {
		found, err := has(ids)
		if err != nil {
			return fmt.Errorf("look for refused rows in the quarantine: %w", err)
		}
		for _, id := range ids {
			if !found[id] {
				return fmt.Errorf("a row is refused that the quarantine does not have: %w", k.rows[id])
			}
		}
	}
	return nil
}
