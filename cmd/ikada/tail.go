package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada"
	"github.com/ikada-io/ikada/api"
)

func (a *app) tail() *cobra.Command {
	var at server
	cmd := &cobra.Command{
		Use:   "tail TYPE",
		Short: "Print live events of a log type",
		Long: `Print the events of a log type as they come, a line of JSON each, until
interrupted. If this end is too slow, a line {"dropped":n} tells how many events
it missed; the pipeline does not wait for it.`,
		Example: `  ikada tail app.access
  ikada tail _quarantine
  ikada tail app.access | jq -r .path`,
		Args: wants("one log type, such as app.access"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.client(a.env)
			if err != nil {
				return err
			}
			t := ikada.LogType(args[0])
			// A slip in the name is seen, and no error: the type may come yet.
			if s, err := c.Status(cmd.Context()); err == nil && !slices.ContainsFunc(s.Types, func(y api.TypeStatus) bool { return y.Type == t }) {
				fmt.Fprintf(a.err, "ikada: no table of %q yet; its events are shown as they come\n", t)
			}
			return c.Tail(cmd.Context(), t, a.out)
		},
	}
	at.flags(cmd)
	return cmd
}
