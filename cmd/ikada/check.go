package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/config"
)

func (a *app) check() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Validate the configuration and print what would run",
		Long: `Validate the configuration and print every setting with its value and where the
value is from: a flag, the environment, a line of the file, or the default.`,
		Example: `  ikada check
  ikada check --config /etc/ikada.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(cmd, a.env)
			if err != nil {
				return err
			}
			if err := cfg.Describe(a.out); err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				fmt.Fprintln(a.err, "warning:", w)
			}
			return nil
		},
	}
	s.flags(cmd)
	return cmd
}

// settings are the flags of every setting, and of the file.
type settings struct {
	file   string
	values map[string]*string // by flag
}

func (s *settings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&s.file, "config", "", "configuration `file` (default "+config.DefaultFile+", if it is there)")
	s.values = map[string]*string{}
	for _, setting := range config.Settings() {
		text := setting.Doc
		if setting.Default != "" {
			text += " (default " + setting.Default + ")"
		}
		s.values[setting.Flag] = f.String(setting.Flag, "", text)
	}
}

// load reads the configuration with the flags that were given.
func (s *settings) load(cmd *cobra.Command, env []string) (*config.Config, error) {
	given := map[string]string{}
	for flag, value := range s.values {
		if cmd.Flags().Changed(flag) {
			given[flag] = *value
		}
	}
	return config.Load(s.file, env, given)
}
