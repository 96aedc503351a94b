package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// group makes a command one of commands: alone it shows its help, and what is
// none of them is wrong usage.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = oneOfItsCommands
	cmd.DisableFlagsInUseLine = true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// oneOfItsCommands refuses arguments: cobra has found no command of that name.
func oneOfItsCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2 // of letters
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = " (did you mean " + strings.Join(near, " or ") + "?)"
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), hint)
}

// help is cobra's command of that name, but for what is no command.
func (a *app) help() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show what a command does",
		Long:    "Show what a command does, as its --help does.",
		Example: "  ikada help quarantine retry",
		RunE: func(cmd *cobra.Command, args []string) error {
			named, rest, err := cmd.Root().Find(args)
			if err == nil {
				err = oneOfItsCommands(named, rest)
			}
			if err != nil {
				return usageError{err}
			}
			named.InitDefaultHelpFlag() // so that it is shown
			return named.Help()
		},
	}
}

// flagError says what a flag wants; what cobra says of a number is Go's.
func flagError(_ *cobra.Command, err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err
	}
	want, ok := map[string]string{
		"uint64": "a whole number, 0 or more", "int": "a whole number", "int64": "a whole number",
		"duration": "a duration, such as 30s", "bool": "true or false",
	}[wrong.GetFlag().Value.Type()]
	if !ok {
		return err
	}
	return fmt.Errorf("--%s %q: want %s", wrong.GetFlag().Name, wrong.GetValue(), want)
}
