package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/modules/machine"
)

// tee is the machine of an apply. The shadow, a view over the plan's base and
// over what the steps before it were planned to change, decides what is reported;
// the live machine decides what is written.
type tee struct {
	shadow  *view
	live    *live
	planned []machine.Change
	changes []machine.Change
}

// Facts are the node's facts.
func (t *tee) Facts() machine.Facts { return t.shadow.Facts() }

// Digest is the store's keyed digest.
func (t *tee) Digest(content string) string { return t.shadow.Digest(content) }

// Read returns the shadow's state, with live values where the shadow does not
// know, so that control flow is the plan's.
func (t *tee) Read(ctx context.Context, ref machine.Ref, fields ...string) (machine.State, error) {
	s, err := t.shadow.Read(ctx, ref, fields...)
	if err != nil || !s.Unknown() {
		return s, err
	}
	l, err := t.live.Read(ctx, ref, fields...)
	if err != nil || l == nil {
		return nil, err
	}
	out := maps.Clone(l)
	for f, v := range s {
		if !v.Unknown {
			out[f] = v
		}
	}
	return out, nil
}

// Query returns the plan's answer, or asks the node where the plan had none.
func (t *tee) Query(ctx context.Context, q machine.Query) (machine.Result, error) {
	r, err := t.shadow.Query(ctx, q)
	if err != nil || !r.Unknown {
		return r, err
	}
	return t.live.Query(ctx, q)
}

// Run runs what the plan had listed.
func (t *tee) Run(ctx context.Context, r machine.Run) (machine.Result, error) {
	c := runChange(r, t.changes)
	if t.find(c) < 0 {
		return machine.Result{}, deviation(c, "the plan has no such run")
	}
	if _, err := t.shadow.Run(ctx, r); err != nil {
		return machine.Result{}, err
	}
	res, err := t.live.Run(ctx, r)
	if err != nil {
		return res, err
	}
	c.Outcome = machine.Written
	t.changes = append(t.changes, c)
	return res, nil
}

// Set compares twice and writes what differs on the node.
func (t *tee) Set(ctx context.Context, items ...machine.Item) error {
	var write []compared
	var report []machine.Change
	for _, it := range items {
		ch, l, err := t.judge(ctx, it, report)
		if err != nil {
			return err
		}
		if l.differs {
			write = append(write, l)
		}
		if ch != nil {
			report = append(report, *ch)
		}
	}
	if err := t.live.write(ctx, write); err != nil {
		return err
	}
	t.changes = append(t.changes, report...)
	return nil
}

// judge compares one item with the shadow and with the node. It returns the
// change to report, if there is one, and the live comparison.
func (t *tee) judge(ctx context.Context, it machine.Item, before []machine.Change) (*machine.Change, compared, error) {
	s, err := compare(ctx, t.shadow, it)
	if err != nil {
		return nil, s, err
	}
	l, err := compare(ctx, t.live, it)
	if err != nil {
		return nil, l, err
	}
	list := slices.Concat(t.changes, before)
	c := s.change(list)
	i := t.find(c)
	if i >= 0 && !s.differs {
		// It was unknown in the plan and is known to be right now.
		c = t.planned[i]
	}
	c.Outcome = outcome(s, l, i >= 0)
	switch {
	case i < 0 && !l.differs && (!s.differs || s.was.Unknown()):
		return nil, l, nil
	case i < 0 && s.differs:
		return nil, l, deviation(c, "the plan has no such change")
	case i < 0:
		return repair(l, list)
	}
	t.shadow.top.set(it.Ref, machine.Merge(s.was, it.Want))
	return &c, l, nil
}

func outcome(s, l compared, planned bool) machine.Outcome {
	switch {
	case l.differs:
		return machine.Written
	case planned && (!s.differs || s.dWas.Unknown() || s.dWant.Unknown()):
		return machine.NotNeeded
	}
	return machine.Brought
}

// repair allows what an installed package may have reset behind the plan's back,
// and nothing else.
func repair(l compared, list []machine.Change) (*machine.Change, compared, error) {
	c := l.change(list)
	c.Outcome = machine.Repair
	may := map[string][]string{
		"file": {"content", "mode", "owner", "group"},
		"unit": {"enabled"},
	}[c.Table]
	if c.Want == nil || l.was == nil {
		return nil, l, deviation(c, "the plan has no such change")
	}
	for f := range c.Want {
		if !slices.Contains(may, f) {
			return nil, l, deviation(c, "the plan has no such change ("+f+")")
		}
	}
	return &c, l, nil
}

// find returns the index of the planned change with the same identity, or -1.
func (t *tee) find(c machine.Change) int {
	return slices.IndexFunc(t.planned, func(p machine.Change) bool {
		return p.Table == c.Table && p.Key == c.Key && p.Nth == c.Nth
	})
}

func deviation(c machine.Change, what string) error {
	return &machine.Error{Object: c.Ref().String(), Op: "apply",
		Err:  fmt.Errorf("%s: %w: now %s", what, machine.ErrDeviation, words(c)),
		Hint: "the node has changed since the plan; plan again and look at it"}
}

// words tells a change in a line, without contents.
func words(c machine.Change) string {
	if c.Note != "" {
		return c.Note
	}
	return strings.Join(c.Want.Fields(), ", ") + " differs"
}

// missed lists planned changes that the apply never came to.
func (t *tee) missed() error {
	for _, p := range t.planned {
		seen := slices.ContainsFunc(t.changes, func(c machine.Change) bool {
			return c.Table == p.Table && c.Key == p.Key && c.Nth == p.Nth && c.Outcome != machine.Repair
		})
		if !seen {
			return &machine.Error{Object: p.Ref().String(), Op: "apply",
				Err: fmt.Errorf("planned, but the step never came to it: %w", machine.ErrDeviation)}
		}
	}
	return nil
}
