package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"muster/inventory/hostlist"
	"muster/modules/machine"
	"muster/playbooks/event"
)

// Plan gathers the events of a plan and shows it: first what a reviewer asks
// first, then step by step, identical changes once over a folded range of hosts.
type Plan struct {
	// All shows files and diffs whole, not only their beginning, and every host's
	// own values.
	All bool

	paint Paint
	steps []*planStep // in the order they were first seen
	index map[string]*planStep
	notes []event.Event
	hosts map[string]event.Event // last node state
	head  head
	sum   event.Summary
	// folded are the last names that nodes was asked for: most steps are of the same hosts.
	folded struct {
		names []string
		text  string
	}
}

// planStep is one step over all its hosts.
type planStep struct {
	name, pos string
	groups    []*planGroup
	byKey     map[digest]*planGroup
	// byList finds the group of a list of changes that was seen before: hosts that do
	// the same mostly share one list.
	byList map[*machine.Change]*planGroup
}

// planGroup are hosts with the same changes, shown as those of the first one.
type planGroup struct {
	first string // host
	text  string
	shape digest
	hosts []string
	// changes are the list of its first host with any.
	changes []machine.Change
}

// maxAlike is how many groups of a step that differ only in values are shown.
const maxAlike = 3

// NewPlan makes an empty plan that is shown with p.
func NewPlan(p Paint) *Plan {
	return &Plan{paint: p, index: map[string]*planStep{}, hosts: map[string]event.Event{}, head: newHead()}
}

// Order sets the order of the steps by their names: the playbook's own.
func (p *Plan) Order(names []string) {
	for _, name := range names {
		p.step(name)
	}
}

func (p *Plan) step(name string) *planStep {
	s := p.index[name]
	if s == nil {
		s = &planStep{name: name, byKey: map[digest]*planGroup{}, byList: map[*machine.Change]*planGroup{}}
		p.index[name] = s
		p.steps = append(p.steps, s)
	}
	return s
}

// Emit takes an event.
func (p *Plan) Emit(e event.Event) {
	switch e.Kind {
	case event.PlanStep:
		p.take(e)
	case event.PlanNote:
		p.notes = append(p.notes, e)
	case event.NodeState:
		p.hosts[e.Host] = e
	case event.PlanDone:
		p.sum = *e.Summary
	}
}

func (p *Plan) take(e event.Event) {
	s := p.step(e.Step)
	s.pos = e.Pos
	p.head.take(e)
	plain := e.Failure == nil && e.State != event.Skipped && len(e.Changes) > 0
	if plain {
		if g := s.byList[&e.Changes[0]]; g != nil && len(g.changes) == len(e.Changes) && e.Host >= g.first {
			g.hosts = append(g.hosts, e.Host)
			return
		}
	}
	g := p.group(s, e)
	g.hosts = append(g.hosts, e.Host)
	if plain && g.changes == nil {
		g.changes = e.Changes
		s.byList[&e.Changes[0]] = g
	}
}

// group finds the group of an event by what is shown of it, or makes it.
func (p *Plan) group(s *planStep, e event.Event) *planGroup {
	b := newDraft()
	for _, c := range e.Changes {
		p.change(b, c)
	}
	switch {
	case e.Failure != nil:
		text := "! cannot be planned: " + failureLine(e.Failure)
		b.like(text)
		b.line("    %s\n", p.paint.red.Render(text))
	case e.State == event.Skipped:
		text := "skipped: " + Line(e.Text)
		b.like(text)
		b.line("    %s\n", p.paint.dim.Render(text))
	}
	key, shape := b.sums()
	g := s.byKey[key]
	if g == nil {
		g = &planGroup{first: e.Host, text: b.text.String(), shape: shape}
		s.byKey[key] = g
		s.groups = append(s.groups, g)
	}
	if e.Host < g.first {
		g.first, g.text = e.Host, b.text.String()
	}
	return g
}

// Write shows the plan.
func (p *Plan) Write(w io.Writer) error {
	var b strings.Builder
	p.writeHead(&b)
	for _, s := range p.steps {
		p.writeStep(&b, s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Plan) writeStep(b *strings.Builder, s *planStep) {
	if len(s.groups) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s  %s\n", p.paint.bold.Render(Line(s.name)), p.paint.dim.Render(Line(s.pos)))
	for _, g := range s.groups {
		slices.Sort(g.hosts)
	}
	slices.SortStableFunc(s.groups, func(a, b *planGroup) int {
		if n := len(b.hosts) - len(a.hosts); n != 0 {
			return n
		}
		return strings.Compare(a.hosts[0], b.hosts[0])
	})
	alike := map[digest][]*planGroup{}
	for _, g := range s.groups {
		alike[g.shape] = append(alike[g.shape], g)
	}
	for _, g := range s.groups {
		same := alike[g.shape]
		many := len(same) > maxAlike && !p.All
		if many && g != same[0] {
			continue
		}
		fmt.Fprintf(b, "  %s:\n%s", p.nodes(g.hosts), g.text)
		if many {
			more := 0
			for _, other := range same[1:] {
				more += len(other.hosts)
			}
			fmt.Fprintf(b, "  %s\n", p.paint.dim.Render(fmt.Sprintf("… %d more nodes differ only in their own values (-v shows them)", more)))
		}
	}
}

// nodes is the function nodes for names in order.
func (p *Plan) nodes(names []string) string {
	if p.folded.text == "" || !slices.Equal(p.folded.names, names) {
		p.folded.names, p.folded.text = names, nodes(names)
	}
	return p.folded.text
}

// nodes words a set of hosts: "3 nodes dgx[01-03]", "1 node mgmt01".
func nodes(names []string) string {
	word := "nodes"
	if len(names) == 1 {
		word = "node"
	}
	return fmt.Sprintf("%d %s %s", len(names), word, Line(hostlist.Fold(names)))
}

// count words a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func millis(ms int64) string {
	return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
}
