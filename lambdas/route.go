package lambdas

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ikada-io/ikada/route"
)

// Route routes what the buffer bucket holds.
type Route struct {
	router *route.Router
	log    *slog.Logger
}

// NewRoute returns the function that the environment describes.
func NewRoute(ctx context.Context, env Env, log *slog.Logger) (*Route, error) {
	buckets, err := env.open(ctx, bufferBucket, archiveBucket, manifestBucket)
	if err != nil {
		return nil, err
	}
	types, err := declared(ctx, env(configFile), noSecret())
	if err != nil {
		return nil, err
	}
	r := route.New(buckets[0], buckets[1], buckets[2], route.Options{Parallel: 16, ByDay: types.ByDay, Log: log})
	return &Route{router: r, log: log}, nil
}

// Routed is the function's answer.
type Routed struct {
	Plans   int `json:"plans"`
	Deleted int `json:"deleted"` // bundles that nobody needs any more
}

// reserve is the time that a run leaves for its answer.
const reserve = 5 * time.Second

// Handle routes until the backlog or the time is gone. The event, of a
// schedule, says nothing. A run that was cut off is finished by the next.
func (r *Route) Handle(ctx context.Context) (Routed, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	plans, err := r.router.Once(ctx)
	if err != nil {
		return Routed{Plans: plans}, fmt.Errorf("route: %w", err)
	}
	deleted, err := r.router.Clean(ctx)
	if err != nil { // it costs space, and is tried again
		r.log.WarnContext(ctx, "cannot delete bundles that were routed", "error", err)
	}
	return Routed{Plans: plans, Deleted: deleted}, nil
}
