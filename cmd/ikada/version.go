package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/pipeline"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Print the version of this program, of Go, and the platform.",
		Example: "  ikada version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.out, "ikada %s %s %s/%s\n", pipeline.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
