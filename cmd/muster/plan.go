package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/inventory/hostlist"
	"muster/playbooks/run"
	"muster/transport/wire"
)

func (a *app) planVerb() *cobra.Command {
	var p struct {
		out                               string
		offline, detailed, hosts, stepsOf bool
	}
	cmd := &cobra.Command{
		Use:   "plan PLAYBOOK",
		Short: "Show what an apply would change; nothing is changed",
		Args:  arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if p.offline && p.out != "" {
				return usage("--no-connect does not look at the nodes: there is nothing to apply exactly, leave --out away")
			}
			w, err := a.compile(args[0])
			if err != nil {
				return err
			}
			if p.hosts || p.stepsOf {
				return a.list(w.prog, p.hosts, p.stepsOf)
			}
			return a.plan(cmd.Context(), w, p.out, p.offline, p.detailed)
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.out, "out", "", "save the plan in `FILE`: muster apply FILE then applies exactly it")
	f.BoolVar(&p.offline, "no-connect", false, "plan empty machines from the facts of earlier runs")
	f.BoolVar(&p.detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	f.BoolVar(&p.hosts, "list-hosts", false, "only list the selected hosts")
	f.BoolVar(&p.stepsOf, "list-steps", false, "only list the steps")
	return cmd
}

// plan plans, shows it, and saves it where asked.
func (a *app) plan(ctx context.Context, w *work, out string, noConnect, detailed bool) error {
	o, s, err := a.options(w)
	if err != nil {
		return err
	}
	o.Mode, o.DetailedExit = wire.Plan, detailed
	var d run.Dialer = newOffline(o.Facts)
	if noConnect {
		o.OnFacts, o.Recorded = nil, true
		o.Parallel = runtime.GOMAXPROCS(0) // nothing is waited for
		o.Notes = []string{"not connected: every node is taken to be empty"}
	} else {
		real, err := a.newDialer(w.inv, w.secrets, w.hosts())
		if err != nil {
			return err
		}
		defer real.close()
		d = real
	}
	if out != "" {
		if err := checkFolder(out); err != nil {
			return err
		}
		s.keep = true
		o.OnPlan = func(p *run.Plan) error {
			a.warnUnplanned(out, p)
			return p.Save(w.from, s.events).Write(out)
		}
	}
	sum, err := a.walk(ctx, w, d, o, s)
	if err != nil {
		return err
	}
	if a.json == nil && sum.Plan != "" {
		if err := s.plan.Write(a.out); err != nil {
			return err
		}
		if out != "" {
			fmt.Fprintf(a.out, "\nSaved. Apply exactly this with: muster apply %s --expect %s\n", shellWord(out), sum.Plan)
		}
	}
	return exit(sum.Exit)
}

// warnUnplanned tells what a saved plan is not about: applied later, it leaves these
// hosts alone even where they are back.
func (a *app) warnUnplanned(out string, p *run.Plan) {
	if hosts := slices.Sorted(maps.Keys(p.Unplanned)); len(hosts) > 0 {
		a.log.Warn(view.Line(out) + ": the saved plan leaves out what could not be planned: " + view.Line(hostlist.Fold(hosts)))
	}
}

// checkFolder says before any node is asked that a file could not be written.
func checkFolder(path string) error {
	info, err := os.Stat(filepath.Dir(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usage("--out %s: there is no folder %s", path, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("--out %s: %w", path, err)
	case !info.IsDir():
		return usage("--out %s: %s is no folder", path, filepath.Dir(path))
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usage("--out %s: is a folder, name a file", path)
	}
	return nil
}
