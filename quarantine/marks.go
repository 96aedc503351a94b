package quarantine

import (
	"context"
	"encoding/json"
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
	body, err := json.Marshal(map[string]string{"as": as})
	if err != nil {
		return fmt.Errorf("mark record %s as put back: %w", id, err)
	}
	if err := s.Marks.Create(ctx, marksPrefix+id, body); err != nil && !errors.Is(err, ikada.ErrExists) {
		return fmt.Errorf("mark record %s as put back: %w", id, err)
	}
	return nil
}

// markOf returns when a record was put back; zero if it was not.
func (s Store) markOf(ctx context.Context, id string) (time.Time, error) {
	info, err := s.Marks.Stat(ctx, marksPrefix+id)
	switch {
	case errors.Is(err, ikada.ErrNotFound):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("find whether record %s was put back: %w", id, err)
	}
	return info.ModTime.UTC(), nil
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
