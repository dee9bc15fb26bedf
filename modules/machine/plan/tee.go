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
	ahead   []machine.Item // packages of the next steps, see Node.ahead
}

// Facts are the node's facts.
func (t *tee) Facts() machine.Facts { return t.shadow.Facts() }

// Digest is the store's keyed digest.
func (t *tee) Digest(content string) string { return t.shadow.Digest(content) }

// Read returns the shadow's state, with live values where the shadow does not
// know, or knows the digest alone, so that control flow is the plan's.
func (t *tee) Read(ctx context.Context, ref machine.Ref, fields ...string) (machine.State, error) {
	s, err := t.shadow.Read(ctx, ref, fields...)
	if err != nil || !s.Unknown() && !hashed(s) {
		return s, err
	}
	l, err := t.live.Read(ctx, ref, fields...)
	if err != nil || l == nil {
		return nil, err
	}
	out := maps.Clone(l)
	for f, v := range s {
		if !v.Unknown && !v.Hashed {
			out[f] = v
		}
	}
	return out, nil
}

// Brought implements machine.Bringer.
func (t *tee) Brought(ctx context.Context, ref machine.Ref, fields ...string) (machine.State, error) {
	if !t.shadow.top.isInstalling() {
		return nil, nil
	}
	return t.live.Read(ctx, ref, fields...)
}

// hashed says that a base which was saved has only the digest of a field.
func hashed(s machine.State) bool {
	for _, v := range s {
		if v.Hashed {
			return true
		}
	}
	return false
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

// judged is an item compared with the shadow and with the node, and what there is
// to report once it is written.
type judged struct {
	live   compared
	report []machine.Change
}

// Set compares twice and writes what differs on the node. Packages that stand
// together are written at once; of the rest each is reported as soon as it is
// written, so that a failure does not hide what was done before it.
func (t *tee) Set(ctx context.Context, items ...machine.Item) error {
	var list []judged
	var before []machine.Change
	for _, it := range items {
		j, err := t.judge(ctx, it, before)
		if err != nil {
			return err
		}
		list, before = append(list, j), append(before, j.report...)
	}
	for len(list) > 0 {
		n := together(list)
		var write []compared
		var report []machine.Change
		for _, j := range list[:n] {
			if j.live.differs {
				write = append(write, j.live)
			}
			report = append(report, j.report...)
		}
		put := t.live.write
		if list[0].live.item.Ref.Table == "package" {
			put = t.install
		}
		if err := put(ctx, write); err != nil {
			return err
		}
		t.changes, list = append(t.changes, report...), list[n:]
	}
	return nil
}

func together(list []judged) int {
	n := 1
	for n < len(list) && list[0].live.item.Ref.Table == "package" && list[n].live.item.Ref.Table == "package" {
		n++
	}
	return n
}

// judge compares one item with the shadow and with the node, and says what is to
// be reported: the planned change if there is one, and repairs.
func (t *tee) judge(ctx context.Context, it machine.Item, before []machine.Change) (judged, error) {
	s, err := compare(ctx, t.shadow, it)
	if err != nil {
		return judged{}, err
	}
	l, err := compare(ctx, t.live, it)
	j := judged{live: l}
	if err != nil {
		return j, err
	}
	list := slices.Concat(t.changes, before)
	c := s.change(list)
	i := t.find(c)
	if i >= 0 && !s.differs && !wasUnknown(t.planned[i], it) {
		i = -1 // a later one of the same key
	}
	switch {
	case i < 0 && !l.differs && (!s.differs || s.was.Unknown()):
		return j, nil
	case i < 0 && s.differs:
		return j, deviation(c, "the plan has no such change")
	case i < 0:
		r, err := repair(l.change(nil), l, list)
		j.report = r
		return j, err
	}
	if !s.differs {
		// It was unknown in the plan and is known to be right now.
		c = t.planned[i]
	}
	c.Outcome = outcome(s, l, true)
	more, err := beside(t.planned[i], l, list)
	j.report = append([]machine.Change{c}, more...)
	t.shadow.top.set(it.Ref, machine.Merge(s.was, it.Want))
	return j, err
}

// wasUnknown says that the planned change of an item that is right was made of what
// the plan did not know.
func wasUnknown(planned machine.Change, it machine.Item) bool {
	for f := range planned.Want {
		if _, ok := it.Want[f]; !ok {
			return false
		}
	}
	return planned.Was.Unknown() || planned.Want.Unknown()
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
// and nothing else. c holds the fields in question.
func repair(c machine.Change, l compared, list []machine.Change) ([]machine.Change, error) {
	may := map[string][]string{
		"file": {"content", "mode", "owner", "group"},
		"unit": {"enabled"},
	}[c.Table]
	if c.Want == nil || l.was == nil {
		return nil, deviation(c, "the plan has no such change")
	}
	for f := range c.Want {
		if !slices.Contains(may, f) {
			return nil, deviation(c, "the plan has no such change ("+f+")")
		}
	}
	c.Outcome, c.Nth = machine.Repair, nth(list, c.Ref(), true)
	return []machine.Change{c}, nil
}

// beside holds what the write of a planned change takes along on the node, over
// and above the fields that the plan lists, to the same teeth. The fields of a
// thing that is made are all in the plan.
func beside(planned machine.Change, l compared, list []machine.Change) ([]machine.Change, error) {
	if !l.differs || planned.Was == nil || planned.Want == nil {
		return nil, nil
	}
	c := l.change(nil)
	listed := func(f string, _ machine.Value) bool { _, ok := planned.Want[f]; return ok }
	if c.Table == "unit" {
		then, _, _ := strings.Cut(planned.Note, " ")
		now, _ := machine.UnitAction(l.hashWas, l.hashed)
		if disruption[now] > disruption[machine.Action(then)] {
			return nil, deviation(c, "the plan has no such change")
		}
		// What the action takes along needs no word.
		listed = func(f string, _ machine.Value) bool { _, ok := planned.Want[f]; return ok || f != "enabled" }
	}
	c.Was, c.Want, c.Note = c.Was.Clone(), c.Want.Clone(), ""
	maps.DeleteFunc(c.Was, listed)
	maps.DeleteFunc(c.Want, listed)
	if len(c.Want) == 0 {
		return nil, nil
	}
	return repair(c, l, list)
}

// disruption orders what is done to a unit by what its users notice.
var disruption = map[machine.Action]int{machine.Reload: 1, machine.Restart: 2, machine.Start: 2, machine.Stop: 2}

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
