package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"

	charm "github.com/charmbracelet/log"
	"github.com/muesli/termenv"
	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/playbooks/run"
)

// app is one invocation: its streams, its flags, and its signals.
type app struct {
	in       io.Reader
	out, err io.Writer
	log      *slog.Logger
	paint    view.Paint
	args     []string
	flags    flags
	json     *view.JSON // nil without --json
	plain    bool       // stdout is one text or one JSON value, whatever --json says

	interrupt chan struct{} // closed by the first signal, or when nobody reads the output any more
}

// exitError ends muster with a code. Its text may be empty when everything has
// been said.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// usage is an error of the command line.
func usage(format string, a ...any) error {
	return &exitError{run.ExitUsage, fmt.Sprintf(format, a...)}
}

// exit ends with a code and nothing more to say; nil for 0.
func exit(code int) error {
	if code == run.ExitOK {
		return nil
	}
	return &exitError{code: code}
}

// execute runs muster and returns its exit code.
func execute(args []string, in io.Reader, out, errOut io.Writer) (code int) {
	tuneMemory()
	defer profile(os.Getenv(profileEnv), errOut)()
	a := &app{in: in, out: out, err: errOut, args: args, paint: view.NewPaint(out), interrupt: make(chan struct{})}
	a.log = slog.New(newLogger(errOut))
	stopOnce := sync.OnceFunc(func() { close(a.interrupt) })
	a.out = newOutlet(out, stopOnce)
	defer func() {
		if cause := recover(); cause != nil {
			fmt.Fprintf(errOut, "muster: bug: %v\n%s", cause, debug.Stack())
			code = run.ExitFault
			a.endJSON(code, fmt.Sprintf("bug: %v", cause))
		}
	}()
	ctx, stop := signals(stopOnce)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	return a.conclude(root.ExecuteContext(ctx))
}

// newLogger writes to stderr. It is not shown the file itself: it would ask the
// terminal for its colours, and the answer could be taken for the operator's.
func newLogger(w io.Writer) *charm.Logger {
	l := charm.NewWithOptions(struct{ io.Writer }{w}, charm.Options{Level: charm.InfoLevel})
	if isTerminal(w) {
		l.SetColorProfile(termenv.ANSI)
	}
	return l
}

// conclude says what went wrong and gives the exit code.
func (a *app) conclude(err error) int {
	code, text := run.ExitOK, ""
	var e *exitError
	switch {
	case errors.As(err, &e):
		code, text = e.code, e.text
	case err != nil:
		code, text = run.ExitUsage, err.Error()
	}
	if text != "" {
		fmt.Fprintf(a.err, "muster: %s\n", view.Text(text))
	}
	a.endJSON(code, text)
	return code
}

func (a *app) endJSON(code int, text string) {
	if a.json == nil && !a.plain && (a.flags.json || slices.Contains(a.args, "--json")) {
		a.json = view.NewJSON(a.out) // the command line was wrong before the flags were read
	}
	if a.json != nil && !a.plain {
		a.json.End(code, text)
	}
}

// noEvents is for verbs whose output is no stream of events.
func (a *app) noEvents() { a.json, a.plain = nil, true }

// signals turns the first signal into an interrupt and the second into the end
// of the context. SIGPIPE is taken and dropped, so that a write to a closed pipe
// returns an error; ignored, it would be so for the programs that muster starts too.
func signals(first func()) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan os.Signal, 4)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	dropped := make(chan os.Signal, 1)
	signal.Notify(dropped, syscall.SIGPIPE)
	over := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-got:
				if first(); n > 0 {
					cancel()
				}
			case <-over:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		close(over)
		cancel()
	}
}

// once is a context that the first signal ends: for verbs that have nothing to
// drain.
func (a *app) once(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-a.interrupt:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// root is the command tree: one file per verb.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "muster",
		Short:         "Set up clusters: an inventory and a playbook become a running cluster",
		Long:          "An inventory and a playbook become a plan, and the plan becomes a running cluster.\n\n  muster plan -i inventory.hcl slurm-cluster\n  muster apply -i inventory.hcl slurm-cluster",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE:          a.bare,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.flags.check(a, cmd.Flags().Changed("limit"))
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(flagError)
	a.flags.register(root)
	root.AddCommand(a.planVerb(), a.applyVerb(), a.resumeVerb(), a.showVerb(), a.validateVerb(), a.fmtVerb(), a.initVerb(),
		a.graphVerb(), a.inventoryVerb(), a.factsVerb(), a.pingVerb(), a.runVerb(), a.labVerb(), a.docsVerb(), a.versionVerb())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}
