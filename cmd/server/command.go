package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/weirproxy/weir/config"
)

// environment is what a command has of the world.
type environment struct {
	lookup         func(string) (string, bool)
	stdout, stderr io.Writer
	// written is what stdout goes through.
	written *output
	// hangups begins to take SIGHUP as the wish for a reload, until stop is called;
	// before, and in commands that have nothing to reload, it ends the process.
	hangups func() (got <-chan os.Signal, stop func())
	// adopt makes a logger that of the process, too; nil = it stays as it is.
	adopt func(*slog.Logger)
}

// errQuiet is returned by a command that has said all there is to say; the
// process ends with status 1 and nothing more is printed.
var errQuiet = errors.New("failed")

// run carries out one command line and returns the exit status: 0, or 1 after
// a message on stderr.
func run(ctx context.Context, args []string, env environment) int {
	env.written = &output{Writer: env.stdout}
	env.stdout = env.written
	root := &cobra.Command{
		Use:   "weir",
		Short: "A reverse proxy and upstream manager whose health knowledge is an event stream",
		Long: `weir is a reverse proxy and upstream manager whose health knowledge is an event stream.

Try it:            weir demo
Without a file:    weir proxy :8080 localhost:3001 localhost:3002
For real:          weir serve -c weir.yaml`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(env), demoCommand(env), proxyCommand(env), checkCommand(env), reloadCommand(env),
		statusCommand(env), upstreamsCommand(env), eventsCommand(env), versionCommand(env))
	root.SetArgs(args)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = env.written.failed()
	}
	if err == nil {
		return 0
	}
	if !errors.Is(err, errQuiet) {
		_, _ = fmt.Fprintln(env.stderr, "weir: "+err.Error()) // nobody left to tell
	}
	return 1
}

// isTerminal tells whether w is a terminal.
func isTerminal(w io.Writer) bool {
	if o, ours := w.(*output); ours {
		w = o.Writer
	}
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// colors tells whether to write colours to w: to a terminal, unless NO_COLOR is set.
func (e environment) colors(w io.Writer) bool {
	_, no := e.lookup("NO_COLOR")
	return !no && isTerminal(w)
}

// newLogger makes the logger of a command that serves.
func (e environment) newLogger(cfg config.Log) (*slog.Logger, *slog.LevelVar) {
	l, level := newLogger(cfg, e.stderr)
	if e.adopt != nil {
		e.adopt(l)
	}
	return l, level
}

func (e environment) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(e.stdout, format, args...) // run tells of it
}

// noArgs refuses arguments, of which the name of a file is the most common.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 && c.Flags().Lookup("config") != nil && strings.HasSuffix(args[0], ".yaml") {
		return fmt.Errorf("%s takes no arguments: say -c %s", c.CommandPath(), args[0])
	}
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, and got %q", c.CommandPath(), args[0])
	}
	return nil
}
