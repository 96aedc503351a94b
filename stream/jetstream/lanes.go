package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ikada-io/ikada"
)

// incarnationKey is where a shard's incarnation is kept in its metadata.
const incarnationKey = "ikada.incarnation"

func streamName(name string, shard int) string {
	return "IKADA_" + strings.ToUpper(name) + "_" + strconv.Itoa(shard)
}

func subject(name string, shard int) string {
	return "ikada." + name + "." + strconv.Itoa(shard)
}

// openLanes makes the shards that are missing, gives the others their part of
// the disk limit, and notes the incarnation of each.
func (s *Stream) openLanes(ctx context.Context, maxBytes int64) error {
	for shard := 0; ; shard++ {
		info, err := s.shardInfo(ctx, shard)
		switch {
		case err != nil:
			return err
		case info == nil && shard >= s.shards:
			return nil
		case info == nil:
			err = s.createShard(ctx, shard, maxBytes)
		default:
			err = s.adoptShard(ctx, shard, maxBytes, info)
		}
		if err != nil {
			return err
		}
		s.wake = append(s.wake, &signal{})
		s.tails = append(s.tails, &atomic.Pointer[tail]{})
	}
}

// shardInfo returns nil if the shard does not exist.
func (s *Stream) shardInfo(ctx context.Context, shard int) (*jetstream.StreamInfo, error) {
	str, err := s.admin.Stream(ctx, streamName(s.name, shard))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up shard %d: %w", shard, err)
	}
	return str.CachedInfo(), nil
}

func (s *Stream) createShard(ctx context.Context, shard int, maxBytes int64) error {
	incarnation := newIncarnation()
	_, err := s.admin.CreateStream(ctx, jetstream.StreamConfig{
		Name:        streamName(s.name, shard),
		Subjects:    []string{subject(s.name, shard)},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    maxBytes,
		Storage:     jetstream.FileStorage,
		Replicas:    1,
		AllowDirect: true,
		// Messages bear no ids, so the window costs nothing; 0 would be two minutes of it.
		Duplicates: 100 * time.Millisecond,
		Metadata:   map[string]string{incarnationKey: incarnation},
	})
	if err != nil {
		return fmt.Errorf("create shard %d: %w", shard, err)
	}
	s.lanes = append(s.lanes, ikada.Lane{Stream: s.name, Incarnation: incarnation, Shard: shard})
	return nil
}

// adoptShard takes a shard that was there. A shard that is no more written
// to keeps the limit it had.
func (s *Stream) adoptShard(ctx context.Context, shard int, maxBytes int64, info *jetstream.StreamInfo) error {
	lane := ikada.Lane{Stream: s.name, Incarnation: info.Config.Metadata[incarnationKey], Shard: shard}
	s.lanes = append(s.lanes, lane)
	if len(lane.Incarnation) != 8 {
		_, err := s.Renew(ctx, lane)
		return err
	}
	if shard >= s.shards || info.Config.MaxBytes == maxBytes {
		return nil
	}
	cfg := info.Config
	cfg.MaxBytes = maxBytes
	if _, err := s.admin.UpdateStream(ctx, cfg); err != nil {
		return fmt.Errorf("change the disk limit of shard %d to %d bytes: %w", shard, maxBytes, err)
	}
	return nil
}

// Lanes lists the shards' lanes, those beyond a lowered number included.
func (s *Stream) Lanes(context.Context) ([]ikada.Lane, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.lanes), nil
}

// Renew gives a shard a new incarnation. Of two callers that renew the same
// lane the second is told ikada.ErrNotFound.
func (s *Stream) Renew(ctx context.Context, lane ikada.Lane) (ikada.Lane, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkLocked(lane); err != nil {
		return ikada.Lane{}, fmt.Errorf("renew: %w", err)
	}
	info, err := s.shardInfo(ctx, lane.Shard)
	if err == nil && info == nil {
		err = ikada.ErrNotFound
	}
	if err != nil {
		return ikada.Lane{}, fmt.Errorf("renew lane %s: %w", lane, err)
	}
	renewed := lane
	renewed.Incarnation = newIncarnation()
	cfg := info.Config
	cfg.Metadata = maps.Clone(cfg.Metadata)
	if cfg.Metadata == nil {
		cfg.Metadata = map[string]string{}
	}
	cfg.Metadata[incarnationKey] = renewed.Incarnation
	if _, err := s.admin.UpdateStream(ctx, cfg); err != nil {
		return ikada.Lane{}, fmt.Errorf("renew lane %s: %w", lane, err)
	}
	s.lanes[lane.Shard] = renewed
	return renewed, nil
}

func (s *Stream) check(lane ikada.Lane) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.checkLocked(lane)
}

func (s *Stream) checkLocked(lane ikada.Lane) error {
	if lane.Shard < 0 || lane.Shard >= len(s.lanes) || s.lanes[lane.Shard] != lane {
		return fmt.Errorf("lane %s is not a current one: %w", lane, ikada.ErrNotFound)
	}
	return nil
}

// state returns the handle and the present state of a lane.
func (s *Stream) state(ctx context.Context, lane ikada.Lane) (jetstream.Stream, *jetstream.StreamState, error) {
	if err := s.check(lane); err != nil {
		return nil, nil, err
	}
	str, err := s.admin.Stream(ctx, streamName(s.name, lane.Shard))
	if err != nil {
		return nil, nil, fmt.Errorf("ask for the state: %w", err)
	}
	return str, &str.CachedInfo().State, nil
}

func newIncarnation() string {
	// Text is random in [A-Z2-7]: 40 of its bits here.
	return strings.ToLower(rand.Text()[:8])
}

// signal wakes those who wait for an event. The zero value is ready.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that the next fire closes.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
