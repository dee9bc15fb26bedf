package main

import (
	"context"
	"fmt"
	"time"

	"muster/cmd/muster/view"
	"muster/inventory"
	"muster/inventory/lang"
	"muster/modules/machine"
	"muster/playbooks"
	"muster/playbooks/event"
	"muster/playbooks/program"
	"muster/playbooks/run"
)

// screen is what a run is shown on: JSON, or a plan, lines and a report.
type screen struct {
	plan   *view.Plan
	lines  *view.Lines
	report *view.Report
	live   *view.Live // nil where there is no terminal
	keep   bool       // the events of the plan, for a saved one
	events []event.Event
	// approved says that the plan was agreed to: then there is a report.
	approved bool
}

func (a *app) newScreen(w *work) *screen {
	s := &screen{plan: view.NewPlan(a.paint), report: view.NewReport(a.paint)}
	out := a.out
	if width := terminalWidth(a.out); width != nil && a.json == nil {
		s.live = view.NewLive(a.out, a.paint, width)
		out = s.live
	}
	s.lines = view.NewLines(out, a.paint)
	s.plan.All, s.lines.Verbose, s.lines.Reconnect = a.flags.verbose, a.flags.verbose, a.flags.reconnect
	var names []string
	for _, step := range w.prog.Steps {
		names = append(names, step.Name)
	}
	s.plan.Order(names)
	return s
}

// Emit implements event.Sink.
func (s *screen) Emit(e event.Event) {
	s.plan.Emit(e)
	s.report.Emit(e)
	s.lines.Emit(e)
	if s.live != nil {
		s.live.Emit(e)
	}
	s.record(e)
}

// record keeps the plan's events, and is all that is done with --json.
func (s *screen) record(e event.Event) {
	switch e.Kind {
	case event.PlanStep, event.PlanNote, event.PlanDone, event.NodeState:
		if s.keep && !s.approved {
			s.events = append(s.events, e)
		}
	case event.Approved:
		s.approved = true
	}
}

// options are what every plan and apply has in common. With --json the screen shows
// nothing.
func (a *app) options(w *work) (run.Options, *screen, error) {
	o := run.Options{Command: a.commandLine(), Interrupt: a.interrupt, Parallel: a.flags.parallel, LockTimeout: a.flags.lockTimeout, Reconnect: a.flags.reconnect}
	facts, err := w.facts()
	if err != nil {
		return o, nil, err
	}
	o.Facts = map[string]run.Known{}
	for name, f := range facts {
		o.Facts[name] = run.Known{Facts: f.Facts, At: f.At}
	}
	o.OnFacts = func(fresh map[string]machine.Facts) error { return saveFacts(w.inv, fresh) }
	s := a.newScreen(w)
	if o.Sink = s; a.json != nil {
		o.Sink = event.Sinks{event.Func(s.record), a.json}
	}
	return o, s, nil
}

// saveFacts adds what was read now to what earlier runs have read.
func saveFacts(inv *inventory.Inventory, fresh map[string]machine.Facts) error {
	all, err := inv.LoadFacts()
	if err != nil {
		return err
	}
	for name, f := range fresh {
		all[name] = inventory.HostFacts{Facts: f, At: time.Now().UTC()}
	}
	return inv.SaveFacts(all)
}

// walk runs a program and shows errors of the configuration as such.
func (a *app) walk(ctx context.Context, w *work, d run.Dialer, o run.Options, s *screen) (event.Summary, error) {
	beat := time.NewTicker(30 * time.Second)
	defer beat.Stop()
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case now := <-beat.C:
				if a.json == nil {
					s.lines.Beat(now)
				}
			case <-over:
				return
			}
		}
	}()
	sum, err := run.Run(ctx, w.prog, d, o)
	if s.live != nil {
		s.live.Stop()
	}
	if notice := w.secrets.Notice(); notice != "" {
		a.log.Info(notice)
	}
	if diags := playbooks.BindDiagnostics(err); len(diags) > 0 {
		told := a.warn(w, diags)
		return sum, &exitError{sum.Exit, told.Error()}
	}
	if err != nil {
		return sum, &exitError{sum.Exit, err.Error()}
	}
	return sum, nil
}

// list prints hosts or steps, for --list-hosts and --list-steps.
func (a *app) list(p *program.Program, hosts, steps bool) error {
	a.noEvents()
	if hosts {
		for _, h := range p.Hosts {
			if _, err := fmt.Fprintln(a.out, h.Name); err != nil {
				return err
			}
		}
	}
	if steps {
		for _, s := range p.Steps {
			if _, err := fmt.Fprintf(a.out, "%s  %d nodes  %s\n", s.Name, len(s.Vertices), lang.Visible(s.Pos)); err != nil {
				return err
			}
		}
	}
	return nil
}
