package run

import (
	"fmt"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/transport/wire"
)

// tally counts changes.
type tally struct{ changes, repairs, opaque, unknown int }

func (t *tally) add(list []machine.Change) {
	for _, c := range list {
		switch {
		case c.Outcome == machine.Repair:
			t.repairs++
			continue
		case c.Opaque:
			t.opaque++
		default:
			t.changes++
		}
		if c.Was.Unknown() || c.Want.Unknown() {
			t.unknown++
		}
	}
}

func (t *tally) join(o tally) {
	t.changes += o.changes
	t.repairs += o.repairs
	t.opaque += o.opaque
	t.unknown += o.unknown
}

// summary counts how the run stands.
func (r *runner) summary() event.Summary {
	s := event.Summary{Plan: r.plan.ID, Hosts: len(r.nodes), Vertices: len(r.prog.Vertices)}
	t := r.foreseen()
	if r.walk != nil {
		t = r.walk.changed
	}
	s.Changes, s.Repairs, s.Opaque, s.Unknown = t.changes, t.repairs, t.opaque, t.unknown
	for _, n := range r.nodes {
		if n.state == event.Unreachable {
			s.Unreachable = append(s.Unreachable, n.name)
		}
	}
	for v := range r.plan.Vertices {
		r.count(&s, v)
	}
	return s
}

func (r *runner) foreseen() (t tally) {
	for v := range r.plan.Vertices {
		p := &r.plan.Vertices[v]
		if k := r.lists.of(p.Changes); k != nil && !p.Before {
			t.join(k.tally)
		}
	}
	return t
}

func (r *runner) count(s *event.Summary, v int) {
	p := &r.plan.Vertices[v]
	state := p.State
	if r.walk != nil {
		state = r.walk.state[v]
	}
	switch {
	case p.Before && state == event.Changed: // not by this part, whose changes are counted
		state = event.OK
	case r.walk != nil:
	case state == "" && len(p.Changes) > 0:
		state = event.Changed // would be
	}
	switch state {
	case event.OK:
		s.OK++
	case event.Changed:
		s.Changed++
	case event.Failed:
		s.Failed++
	case event.Skipped:
		s.Skipped++
	case event.Unreachable:
	default:
		switch {
		case r.walk != nil || state == event.Held:
			s.Held++
		case p.Failure == nil && r.nodes[r.prog.Vertices[v].Host].state == event.Ready:
			s.OK++
		}
	}
}

// planned ends a run that only plans.
func (r *runner) planned() (int, error) {
	if r.o.OnPlan != nil {
		if err := r.o.OnPlan(r.plan); err != nil {
			return ExitUsage, err
		}
	}
	return r.planExit(), nil
}

// planExit is the exit code of a plan, or of an apply that has nothing to do.
func (r *runner) planExit() int {
	exit := ExitOK
	if r.o.DetailedExit && r.o.Mode != wire.Apply && !r.plan.Empty() {
		exit = ExitChanges
	}
	for _, n := range r.nodes {
		switch {
		case n.state == event.Failed:
			return ExitFailed
		case n.state == event.Unreachable:
			exit = ExitUnreachable
		}
	}
	for _, p := range r.plan.Vertices {
		if p.Failure != nil {
			return ExitFailed
		}
	}
	return exit
}

// exit is the exit code of an apply. A failed step weighs more than a node that
// was not reached.
func (w *walk) exit() (int, error) {
	if err := w.r.log.sync(); err != nil {
		return ExitFault, err
	}
	exit, open := ExitOK, false
	for v, s := range w.state {
		switch {
		case s == event.Failed:
			exit = ExitFailed
		case s == event.Unreachable && exit == ExitOK:
			exit = ExitUnreachable
		case s == "" && w.stop == "":
			return ExitFault, fmt.Errorf("run: bug: %s never became ready", w.r.prog.Name(int32(v)))
		case s == "":
			open = true
		}
	}
	if open { // an interrupt that came when everything had started stopped nothing
		return ExitInterrupted, nil
	}
	return exit, nil
}

// halt starts nothing more.
func (w *walk) halt(s event.State, why string) {
	w.stop = s
	kind := event.Interrupt
	if s == event.Failed {
		kind = event.Warning
	}
	w.r.log.emit(event.Event{Kind: kind, Text: why})
}

func (r *runner) emitVertex(v int32, e event.Event) {
	x := r.prog.Vertices[v]
	e.Host, e.Step, e.Pos = r.prog.Hosts[x.Host].Name, r.prog.Steps[x.Step].Name, r.prog.Steps[x.Step].Pos
	r.log.emit(e)
}

func budgetText(failed, hosts, allowed int) string {
	return fmt.Sprintf("did not succeed on %d of %d hosts, %d may fail: what waits for it is held", failed, hosts, allowed)
}
