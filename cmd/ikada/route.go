package main

import (
	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/pipeline"
)

func (a *app) route() *cobra.Command {
	var (
		at   server
		plan uint64
		w    = worker{open: pipeline.OpenRoute, does: "routes the bundles of"}
	)
	cmd := &cobra.Command{
		Use:   "route",
		Short: "Route bundles into archive files, as a worker; or explain a plan",
		Long: `Route bundles into archive files and manifests: the stage route alone.
` + workerLong + `

With --explain N it asks a running Ikada, up or route, what routing plan N decided,
and why: the bundles it took from each lane, the archive files and manifests it made
of them, and how far it is.`,
		Example: `  ikada route --buckets s3://logs
  ikada route --once --data ./data
  ikada route --explain 12`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("explain") {
				if at.url != "" || at.token != "" {
					return usage("--url and --token go with --explain N: a worker has settings of its own")
				}
				return w.run(a, cmd)
			}
			if w.once {
				return usage("want --once or --explain, not both")
			}
			at.data, at.config = *w.values["data"], w.file
			c, end, err := at.reach(cmd.Context(), a)
			if err != nil {
				return err
			}
			defer func() { _ = end.Close() }() // it has only read
			text, err := c.Explain(cmd.Context(), plan)
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		},
	}
	cmd.Flags().Uint64Var(&plan, "explain", 0, "number of a plan to explain")
	at.addressFlags(cmd)
	w.flags(cmd)
	return cmd
}
