package main

import (
	"context"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/ikada-io/ikada/api"
)

// do has a server do what takes long or changes something, and shows how far it is.
func (a *app) do(ctx context.Context, at *server, doing, path string, in, result any) error {
	client, end, err := at.reach(ctx, a)
	if err != nil {
		return err
	}
	defer func() { _ = end.Close() }() // what it did is done
	tell, done := a.show(doing)
	defer done()
	return client.Do(ctx, path, in, tell, result)
}

// show returns what shows a server's progress on a terminal, and what ends
// that. Elsewhere nothing is shown.
func (a *app) show(doing string) (tell func(api.Progress), end func()) {
	if _, ok := terminal(a.err); !ok {
		return func(api.Progress) {}, func() {}
	}
	bar := progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionSetDescription(doing),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
	return func(p api.Progress) {
		bar.Describe(doing + ", " + p.Unit)
		if p.Of > 0 {
			bar.ChangeMax64(p.Of)
		}
		_ = bar.Set64(p.Done) // a bar is not worth an error
	}, func() { _ = bar.Finish() }
}
