package plan

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

// TestPlanEqualsApply draws nodes, packages that bring things along, and steps,
// and holds apply to the plan: either the same list and nothing left afterwards,
// or a step that stopped because the node was not as planned.
func TestPlanEqualsApply(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := memory.New(machine.Facts{})
		state := rapid.Custom(drawItem)
		for _, it := range rapid.SliceOfN(state, 0, 6).Draw(rt, "before") {
			s.Seed(it.Ref, it.Want)
		}
		for _, p := range []string{"p", "q"} {
			s.Brings(p, rapid.SliceOfN(state, 0, 3).Draw(rt, "brings")...)
		}
		var st []Step
		for i := range rapid.IntRange(1, 5).Draw(rt, "steps") {
			items := rapid.SliceOfN(state, 1, 4).Draw(rt, "items")
			st = append(st, Step{ID: uint32(i + 1), Name: fmt.Sprint(i), Ensure: func(ctx context.Context, m machine.Machine) error {
				return m.Set(ctx, items...)
			}})
		}
		checkLaw(rt, s, st, rapid.SliceOfN(state, 0, 3).Draw(rt, "drift"))
	})
}

func drawItem(t *rapid.T) machine.Item {
	val := func(label string) machine.Value {
		return machine.Text(rapid.SampledFrom([]string{"1", "2"}).Draw(t, label))
	}
	switch rapid.IntRange(0, 2).Draw(t, "table") {
	case 0:
		return machine.Item{Ref: machine.Ref{Table: "package", Key: rapid.SampledFrom([]string{"p", "q"}).Draw(t, "package")},
			Want: machine.State{"version": val("version")}}
	case 1:
		return machine.Item{Ref: machine.Ref{Table: "unit", Key: "u"}, Want: machine.State{
			"running": machine.Bool(rapid.Bool().Draw(t, "running")), "enabled": machine.Bool(rapid.Bool().Draw(t, "enabled"))}}
	}
	return machine.Item{Ref: machine.Ref{Table: "file", Key: rapid.SampledFrom([]string{"/a", "/b"}).Draw(t, "path")},
		Want: machine.State{"type": machine.Text("file"), "content": val("content"), "mode": val("mode")}}
}

func checkLaw(rt *rapid.T, s *memory.Store, st []Step, drift []machine.Item) {
	ctx := context.Background()
	n := New(s, nil, st)
	plans := n.Plan(ctx)
	for _, it := range drift {
		s.Seed(it.Ref, it.Want)
	}
	for i, p := range plans {
		before := s.Dump()
		got, err := n.Do(ctx, p.ID, nil)
		explained(rt, before, s.Dump(), got)
		if errors.Is(err, machine.ErrDeviation) || errors.Is(err, machine.ErrDiverged) {
			return // said so; nothing more is promised
		}
		if err != nil {
			rt.Fatal(err)
		}
		var rest []machine.Change
		for _, c := range got {
			if c.Outcome != machine.Repair {
				rest = append(rest, c)
			}
		}
		if len(rest) != len(p.Changes) {
			rt.Fatalf("step %d: planned %+v, reported %+v", i, p.Changes, rest)
		}
		for j := range rest {
			if !rest[j].Same(p.Changes[j]) {
				rt.Fatalf("step %d: planned %+v, reported %+v", i, p.Changes[j], rest[j])
			}
		}
		last := New(s, nil, st[i:i+1]).Plan(ctx)
		if len(last[0].Changes) > 0 {
			rt.Fatalf("step %d applied, and left %+v", i, last[0].Changes)
		}
	}
}

// explained: each field that a step has changed on the node, whether it ended well or
// not, is in its list, unless a package was installed, which may bring anything.
func explained(rt *rapid.T, before, after map[machine.Ref]machine.State, list []machine.Change) {
	listed := map[machine.Ref]machine.State{}
	for _, c := range list {
		if c.Table == "package" {
			return
		}
		listed[c.Ref()] = machine.Merge(listed[c.Ref()], c.Want)
	}
	for ref, st := range after {
		_, d, _ := machine.Diff(before[ref], st)
		for f := range d {
			// A start, restart or stop is one word for all that it takes along.
			if _, ok := listed[ref][f]; !ok && f != "running" {
				rt.Fatalf("%s: %s was written and is not in the list: %+v", ref, f, list)
			}
		}
	}
}
