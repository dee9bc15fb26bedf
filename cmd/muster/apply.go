package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/inventory/lang"
	"muster/playbooks/event"
	"muster/playbooks/library"
	"muster/playbooks/run"
	"muster/transport"
	"muster/transport/wire"
)

// consent says how a plan comes to be approved.
type consent struct {
	yes    bool
	expect string
	saved  *run.Saved
	file   string
}

func (a *app) applyVerb() *cobra.Command {
	var c consent
	var hosts, steps bool
	cmd := &cobra.Command{
		Use:   "apply PLAYBOOK | PLANFILE",
		Short: "Show the plan, ask, and make it so",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			playbook := args[0]
			isSaved, err := run.IsSaved(playbook)
			if err != nil {
				return err
			}
			if isSaved {
				saved, err := run.ReadSaved(playbook)
				if err != nil {
					return err
				}
				if err := a.asSaved(cmd, "a saved plan", saved.Source); err != nil {
					return err
				}
				c.saved, c.file = saved, playbook
				a.again(saved.Source)
				playbook = saved.Source.Playbook
			}
			if a.json != nil && !c.yes && c.saved == nil {
				return usage("--json does not ask: add --yes, or apply a saved plan")
			}
			if !isSaved {
				if err := exists(playbook); err != nil {
					return err
				}
			}
			w, err := a.compile(playbook)
			if err != nil {
				return err
			}
			if hosts || steps {
				return a.list(w.prog, hosts, steps)
			}
			return a.apply(cmd.Context(), w, c, run.NewID(time.Now()), nil)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&c.yes, "yes", false, "do not ask")
	f.StringVar(&c.expect, "expect", "", "refuse a plan with another id (exit 5)")
	f.BoolVar(&hosts, "list-hosts", false, "only list the selected hosts")
	f.BoolVar(&steps, "list-steps", false, "only list the steps")
	return cmd
}

// exists says what a name that is no file could have been.
func exists(playbook string) error {
	_, err := os.Stat(playbook)
	if names := library.Names(); errors.Is(err, os.ErrNotExist) && !slices.Contains(names, playbook) {
		return usage("%s: neither a saved plan nor a playbook: there is no such file, and muster ships only: %s.%s",
			playbook, strings.Join(names, ", "), lang.DidYouMean(playbook, names))
	}
	return nil
}

// apply plans, asks and applies; done are vertices of an earlier part of the run.
func (a *app) apply(ctx context.Context, w *work, c consent, id string, done map[string]event.State) error {
	o, s, err := a.options(w)
	if err != nil {
		return err
	}
	o.Mode, o.ID, o.Done, o.Expect, o.ExpectID = wire.Apply, id, done, c.saved, c.expect
	o.Dir = filepath.Join(w.inv.StateDir, "runs", id)
	o.Resume = a.resumeCommand(w)
	o.Approve = func(ctx context.Context, p *run.Plan) (string, error) {
		if err := w.from.Write(o.Dir); err != nil {
			return "", err
		}
		return a.approve(ctx, s, c, p)
	}
	d, err := a.newDialer(w.inv, w.secrets, w.hosts())
	if err != nil {
		return err
	}
	defer d.close()
	sum, err := a.walk(ctx, w, d, o, s)
	removeEmptyRun(o.Dir)
	if a.unread() && sum.Exit == run.ExitInterrupted {
		a.sayUnread(sum)
	}
	if err != nil {
		if a.json == nil && s.approved { // what was done, and how to go on
			_ = s.report.Write(a.out) // the fault weighs more than a closed screen
		}
		return err
	}
	if a.json == nil {
		if err := a.finish(s, sum); err != nil {
			return err
		}
	}
	return exit(sum.Exit)
}

// sayUnread tells on stderr how to go on with a run whose output was closed.
func (a *app) sayUnread(sum event.Summary) {
	if sum.Resume == "" {
		fmt.Fprintln(a.err, "muster: nobody reads the output: stopped before anything was changed")
		return
	}
	fmt.Fprintf(a.err, "muster: nobody reads the output: stopped. Go on with: %s\n", view.Line(sum.Resume))
}

// approve shows the plan and asks, unless consent was given before.
func (a *app) approve(ctx context.Context, s *screen, c consent, p *run.Plan) (string, error) {
	if a.json == nil {
		if err := s.plan.Write(a.out); err != nil {
			return "", err
		}
		fmt.Fprintln(a.out)
	}
	if a.unread() { // what nobody has seen is not applied
		<-ctx.Done() // by the same interrupt
		return "", ctx.Err()
	}
	switch {
	case c.saved != nil:
		return "saved plan " + c.saved.ID, nil
	case c.yes:
		return "--yes", nil
	}
	return "prompt", a.ask(ctx, fmt.Sprintf("Apply plan %s?", p.ID))
}

// finish is what stands at the end of an apply.
func (a *app) finish(s *screen, sum event.Summary) error {
	switch {
	case s.approved:
		return s.report.Write(a.out)
	case sum.Exit == run.ExitInterrupted:
		fmt.Fprintln(a.out, "Interrupted before anything was changed.")
	case sum.Exit == run.ExitLocked:
		fmt.Fprintln(a.out, "Nothing was changed: a node is locked. Wait with --lock-timeout.")
	case sum.Exit == run.ExitStale:
		fmt.Fprintln(a.out, "Nothing was changed: what would be done now is not what was reviewed. Make a new plan.")
	case sum.Exit != run.ExitDeclined:
		return s.plan.Write(a.out)
	}
	return nil
}

// resumeCommand is what goes on with a run, without its id.
func (a *app) resumeCommand(w *work) string {
	f := &a.flags
	words := []string{"muster", "resume"}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, shellWord(value))
		}
	}
	if f.inventory != "" {
		add("-i", w.inv.Path)
	}
	add("--identity", f.identity)
	add("-u", f.user)
	add("--host-key", f.hostKey)
	add("--become-password-file", f.becomeFile)
	if f.askBecome {
		words = append(words, "-K")
	}
	if f.askLogin {
		words = append(words, "-k")
	}
	// What is kept in no file has to be given again.
	for _, name := range slices.Sorted(maps.Keys(f.vars)) {
		if w.src != nil && sensitive(w.src, name) {
			words = append(words, "-e", name+"=...")
		}
	}
	return strings.Join(words, " ")
}

// shellWord quotes a word where a shell would take it apart.
func shellWord(s string) string {
	if transport.PlainWord(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// removeEmptyRun removes the journal of a run that never began: there is nothing
// to resume.
func removeEmptyRun(dir string) {
	approved, err := run.WasApproved(filepath.Join(dir, run.JournalFile))
	if approved || err != nil && !errors.Is(err, os.ErrNotExist) {
		return
	}
	_ = os.RemoveAll(dir) // left behind it does no harm
}
