package plan

import (
	"context"
	"errors"
	"slices"
	"strings"

	"muster/modules/machine"
)

// Steps that install packages often stand in a row, and the package system takes
// about as long to begin and end as to install one. The first of a row therefore
// installs for the whole row; the others find what they planned and report it as
// brought. Nothing comes earlier than the playbook allows: the row is unbroken, all
// that stands before it has been done, and none of it waits for other hosts.

// installs says whether all that a step is planned to do is to install packages that
// are not there.
func (p StepPlan) installs() bool {
	return p.Err == nil && len(p.Changes) > 0 && !slices.ContainsFunc(p.Changes, func(c machine.Change) bool {
		return c.Table != "package" || c.Was != nil || c.Want == nil || c.Want.Unknown()
	})
}

// row is what the steps behind a step install that stand in a row with it.
func (n *Node) row(i int) []machine.Item {
	if !n.plans[i].installs() {
		return nil
	}
	var out []machine.Item
	for j := i + 1; j < len(n.plans) && n.plans[j].installs() && !n.steps[j].Waits; j++ {
		for _, c := range n.plans[j].Changes {
			out = append(out, machine.Item{Ref: c.Ref(), Want: c.Want})
		}
	}
	return out
}

// ahead is the row behind a step that may be installed with it.
func (n *Node) ahead(i int) []machine.Item {
	for j := range i {
		p := n.plans[j]
		if !n.done[j] && (p.Err != nil || len(p.Changes) > 0 || n.steps[j].Waits) {
			return nil
		}
	}
	return n.row(i)
}

// OneInstallation says whether a single row has all the packages that the plan would
// install or remove: then there is nothing to be fetched ahead.
func (n *Node) OneInstallation() bool {
	for i, p := range n.plans {
		if p.installs() {
			return len(n.row(i))+len(p.Changes) == len(n.wants)
		}
	}
	return false
}

// install writes packages, and with them those of the row behind. One of those may be
// at fault when that fails: then they are left to their own steps.
func (t *tee) install(ctx context.Context, own []compared) error {
	row := t.ahead
	t.ahead = nil
	write := slices.Clone(own)
	for _, it := range row {
		c, err := compare(ctx, t.live, it)
		if err != nil {
			return err
		}
		if c.differs && c.was == nil {
			write = append(write, c)
		}
	}
	if len(own) == 0 || len(write) == len(own) {
		return t.live.write(ctx, own)
	}
	err := t.live.write(ctx, write)
	var e *machine.Error
	if err == nil || ctx.Err() != nil || !errors.As(err, &e) || !strings.HasPrefix(e.Object, "package[") {
		return err
	}
	if t.live.output != nil {
		t.live.output("together with the packages of the next steps: " + e.Error() + "; now without them\n")
	}
	return t.live.write(ctx, own)
}
