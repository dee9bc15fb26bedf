package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/modules/machine"
)

// Step is one step of the node.
type Step struct {
	ID     uint32
	Name   string // slurm_node[compute]
	Ensure func(context.Context, machine.Machine) error
	// Reads are the beginnings of the argvs that its queries may run.
	Reads [][]string
	// Waits says that something on other hosts may hold the step up.
	Waits bool
}

// StepPlan is what a step would change, or why that cannot be said.
type StepPlan struct {
	ID      uint32
	Changes []machine.Change
	Err     error
}

// Node plans and applies the steps of one host.
type Node struct {
	env   env
	base  *base
	steps []Step
	plans []StepPlan
	// below holds, for each step, the plan's layers of the steps before it.
	below []*layer
	units map[string]machine.UnitRead
	wants map[machine.Ref]machine.State // last planned package states
	done  map[int]bool                  // places of the steps that this process has done
}

// New makes a node of a store, the tables of modules and the steps in the order
// they will run.
func New(store machine.Store, tables map[string]machine.Table, steps []Step) *Node {
	return &Node{env: env{store: store, tables: tables}, base: newBase(), steps: steps, done: map[int]bool{}}
}

// Plan runs all steps on one copy-on-write view and keeps every first read: that
// is the base of the run. A step that fails does not stop the others.
func (n *Node) Plan(ctx context.Context) []StepPlan {
	n.units, n.wants = map[string]machine.UnitRead{}, map[machine.Ref]machine.State{}
	var below *layer
	for _, s := range n.steps {
		v := newView(n.stepEnv(s), n.base, below)
		p := StepPlan{ID: s.ID, Err: s.Ensure(ctx, v), Changes: v.changes}
		n.plans = append(n.plans, p)
		n.below = append(n.below, below)
		if p.Err != nil {
			continue // it will not be done, and nothing may count on it
		}
		maps.Copy(n.units, v.units)
		for ref, w := range v.top.over {
			if ref.Table == "package" {
				n.wants[ref] = w
			}
		}
		below = v.top
	}
	n.base.sealed = true
	return n.plans
}

func (n *Node) stepEnv(s Step) env {
	e := n.env
	e.reads = s.Reads
	return e
}

// Replace takes a step whose configuration was completed after the plan (a
// secret was made).
func (n *Node) Replace(s Step) {
	if i := n.index(s.ID); i >= 0 {
		n.steps[i] = s
	}
}

func (n *Node) index(id uint32) int {
	return slices.IndexFunc(n.steps, func(s Step) bool { return s.ID == id })
}

// Units lists the units that the plan looked at, by name.
func (n *Node) Units() []machine.UnitRead {
	var out []machine.UnitRead
	for _, name := range slices.Sorted(maps.Keys(n.units)) {
		out = append(out, n.units[name])
	}
	return out
}

// Packages lists the packages that the plan would install or remove, by name. Those
// of a repository that the plan has yet to add have no version, and are left out.
func (n *Node) Packages() []machine.Item {
	refs := slices.SortedFunc(maps.Keys(n.wants), func(a, b machine.Ref) int { return strings.Compare(a.Key, b.Key) })
	var out []machine.Item
	for _, r := range refs {
		if n.wants[r].Unknown() {
			continue
		}
		out = append(out, machine.Item{Ref: r, Want: n.wants[r]})
	}
	return out
}

// Do applies a planned step. It returns the changes as reported, also beside an
// error. Afterwards the step is run once more on a fresh view of the node:
// anything left is ErrDiverged.
func (n *Node) Do(ctx context.Context, id uint32, output func(string)) ([]machine.Change, error) {
	i := n.index(id)
	if i < 0 || i >= len(n.plans) {
		return nil, fmt.Errorf("step %d: was never planned", id)
	}
	if n.plans[i].Err != nil {
		return nil, n.plans[i].Err
	}
	e := n.stepEnv(n.steps[i])
	t := &tee{
		shadow: newView(e, n.base, n.below[i]), live: &live{env: e, output: output},
		planned: n.plans[i].Changes, ahead: n.ahead(i),
	}
	if err := n.steps[i].Ensure(ctx, t); err != nil {
		return t.changes, err
	}
	if err := t.missed(); err != nil {
		return t.changes, err
	}
	err := n.left(ctx, n.steps[i])
	n.done[i] = err == nil
	return t.changes, err
}

// left runs a step on a fresh view of the node; an opaque run is never done.
func (n *Node) left(ctx context.Context, s Step) error {
	v := newView(n.stepEnv(s), newBase(), nil)
	if err := s.Ensure(ctx, v); err != nil {
		return err
	}
	for _, c := range v.changes {
		if c.Opaque {
			continue
		}
		return &machine.Error{Object: c.Ref().String(), Op: "check",
			Err: fmt.Errorf("%w: still to do: %s", machine.ErrDiverged, leftover(c))}
	}
	return nil
}

func leftover(c machine.Change) string {
	var parts []string
	for _, f := range c.Want.Fields() {
		parts = append(parts, fmt.Sprintf("%s %s -> %s", f, short(c.Was.Get(f)), short(c.Want.Get(f))))
	}
	if c.Want == nil {
		return "remove it"
	}
	return strings.Join(parts, ", ")
}

func short(v machine.Value) string {
	switch {
	case v.Secret:
		return "(secret)"
	case v.Unknown:
		return "(unknown)"
	case len(v.S) > 40 || strings.Contains(v.S, "\n"):
		return fmt.Sprintf("(%d bytes)", len(v.S))
	}
	return fmt.Sprintf("%q", v.S)
}
