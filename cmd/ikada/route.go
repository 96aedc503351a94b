package main

import (
	"github.com/spf13/cobra"
)

func (a *app) route() *cobra.Command {
	var (
		at   server
		plan uint64
	)
	cmd := &cobra.Command{
		Use:   "route --explain N",
		Short: "Explain what a routing plan decided",
		Long: `Explain what routing plan N decided, and why: the bundles it took from each
lane, the archive files and manifests it made of them, and how far it is.`,
		Example: `  ikada route --explain 12`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("explain") {
				return usage("route wants --explain N, the number of a plan")
			}
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
	cmd.Flags().Uint64Var(&plan, "explain", 0, "number of the plan")
	at.reachFlags(cmd)
	return cmd
}
