package quarantine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ikada-io/ikada"
)

// marksPrefix is of the objects that say which records were put back. They are
// in a bucket, not in the warehouse: a new warehouse is filled from the archive,
// which has those records still.
const marksPrefix = "quarantine/put-back/"

// mark says that a record was put back.
func (s Store) mark(ctx context.Context, id, as string) error {
	body := fmt.Appendf(nil, "{\"as\":%q}\n", as)
	if err := s.Marks.Create(ctx, marksPrefix+id, body); err != nil && !errors.Is(err, ikada.ErrExists) {
		return fmt.Errorf("mark record %s as put back: %w", id, err)
	}
	return nil
}

// marked returns what was put back, and when.
func (s Store) marked(ctx context.Context) (map[string]time.Time, error) {
	back := map[string]time.Time{}
	for info, err := range s.Marks.List(ctx, marksPrefix, "") {
		if err != nil {
			return nil, fmt.Errorf("find what was put back: %w", err)
		}
		back[strings.TrimPrefix(info.Key, marksPrefix)] = info.ModTime.UTC()
	}
	return back, nil
}
