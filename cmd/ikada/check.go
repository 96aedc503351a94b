package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ikada-io/ikada/config"
	"github.com/ikada-io/ikada/pipeline"
)

func (a *app) check() *cobra.Command {
	var (
		s settings
		f against
	)
	cmd := &cobra.Command{
		Use:   "check [--against SAMPLE]",
		Short: "Validate the configuration and print what would run",
		Long: `Validate the configuration and print every setting with its value and where the
value is from: a flag, the environment, a line of the file, or the default; and
the declared log types and routes.

With --against, tell instead what sample events would become by the declarations:
log type, table and columns, the time that is used, what is dropped, hashed and
masked, and what would go to _rest or to the quarantine. The sample is
newline-delimited JSON. --type is the tag of all its events; without it, each
event bears its tag under the key "tag". Nothing is stored.`,
		Example: `  ikada check
  ikada check --config /etc/ikada.yaml
  ikada check --against sample.ndjson --type app.access`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			cfg, err := s.load(cmd, a.env)
			if err != nil {
				return err
			}
			if f.file != "" {
				err = a.checkAgainst(cfg, f)
			} else if err = pipeline.Check(cfg); err == nil {
				err = cfg.Describe(a.out)
			}
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				fmt.Fprintln(a.err, "warning:", w)
			}
			return nil
		},
	}
	s.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.file, "against", "", "`file` of sample events, or - for standard input")
	flags.StringVar(&f.tag, "type", "", "`tag` of the sample's events")
	flags.StringVar(&f.format, "format", "table", "of what the sample would become: table or json")
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
