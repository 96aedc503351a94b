// Command ikada collects logs and lands them in tables: the whole pipeline
// (up, demo), its stages alone (collect, route, load), and what speaks to a
// running one (send, query, status, tail, route --explain, types, loads).
//
// It ends with 0 if all went well, 1 on a failure and 2 on wrong usage. An error
// says on one line what failed, where, and what to do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	_ "github.com/ikada-io/ikada/internal/timerslack" // fewer wake-ups: a sixth less CPU
)

// Exit codes.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends what goes on in good order; from then on another
	// one ends the process at once.
	context.AfterFunc(ctx, stop)
	a := &app{name: called(os.Args[0]), in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ(), open: openPipeline}
	os.Exit(a.run(ctx, os.Args[1:]))
}

// app is what the commands work with.
type app struct {
	name string // how it was called, for suggestions; empty: "ikada"
	in   io.Reader
	out  io.Writer
	err  io.Writer
	env  []string
	open opener
}

// called returns how a caller can call the program again: by its path, unless it
// was found by its name.
func called(arg0 string) string {
	if strings.ContainsRune(arg0, filepath.Separator) {
		return arg0
	}
	return "ikada"
}

// usageError is an error that the caller made.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run runs the command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	began := false // what fails before a command begins is wrong usage
	each(root, func(cmd *cobra.Command) {
		if inner := cmd.RunE; inner != nil {
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				began = true
				return inner(cmd, args)
			}
		}
	})
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var wrong usageError
	switch {
	case err == nil:
		return exitOK
	case !began || errors.As(err, &wrong):
		fmt.Fprintf(a.err, "ikada: %v: see `%s --help`\n", err, cmd.CommandPath())
		return exitUsage
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(a.err, "ikada: interrupted")
	default:
		// Several errors at once, as of a configuration, are a line each.
		for _, e := range joined(err) {
			fmt.Fprintf(a.err, "ikada: %v\n", e)
		}
	}
	return exitFailure
}

// joined returns the errors that were joined to one.
func joined(err error) []error {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) && errors.Join(several.Unwrap()...).Error() == err.Error() {
		return several.Unwrap()
	}
	return []error{err}
}

// each visits a command and those below it.
func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, below := range cmd.Commands() {
		each(below, visit)
	}
}

func (a *app) root() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "ikada",
		Short: "Collect logs and land them in tables",
		Long: `Ikada collects application logs from td-agent, Fluentd, Fluent Bit, logger
libraries and HTTP, and lands the events of every log type in a table of their own.`,
		Example: `  ikada demo                 the whole pipeline with realistic traffic
  ikada up --data ./data     the whole pipeline for real traffic
  ikada query 'select path, count(*) from app_access group by 1 order by 2 desc limit 10'`,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	root.SetHelpCommand(a.help())
	root.SetFlagErrorFunc(flagError)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(a.up(), a.collect(), a.demo(), a.send(), a.query(), a.status(), a.tail(), a.route(), a.load(), a.types(), a.loads(), a.quarantine(), a.audit(), a.replay(), a.compact(), a.check(), a.version())
	return root
}
