package plan

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

// packager notes which packages are installed together, and cannot install "bad".
type packager struct {
	*memory.Store
	runs []string
}

func (p *packager) Put(ctx context.Context, table string, items []machine.Item, was []machine.State) error {
	if table == "package" {
		var names []string
		for _, it := range items {
			names = append(names, it.Ref.Key)
		}
		p.runs = append(p.runs, strings.Join(names, " "))
		if slices.Contains(names, "bad") {
			return &machine.Error{Object: "package[" + strings.Join(names, " ") + "]", Op: "install", Err: errors.New("it breaks")}
		}
	}
	return p.Store.Put(ctx, table, items, was)
}

// ahead plans steps and does those with the given ids; it gives the packages of each
// installation, the outcomes by package, and the steps that failed.
func ahead(t *testing.T, st []Step, ids ...uint32) (runs []string, outcomes map[string]machine.Outcome, failed []uint32) {
	t.Helper()
	p := &packager{Store: memory.New(machine.Facts{})}
	n := New(p, nil, st)
	plans := n.Plan(t.Context())
	outcomes = map[string]machine.Outcome{}
	for _, id := range ids {
		got, err := n.Do(t.Context(), id, nil)
		if err != nil {
			failed = append(failed, id)
			continue
		}
		assertSame(t, plans[id-1].Changes, got)
		for _, c := range got {
			outcomes[c.Key] = c.Outcome
		}
	}
	return p.runs, outcomes, failed
}

func TestRowIsInstalledAtOnce(t *testing.T) {
	st := steps(set(file("/f", "x", "0644")), set(pkg("a", "1"), pkg("b", "1")), set(pkg("c", "1")), set(pkg("d", "1")), set(file("/g", "x", "0644")), set(pkg("e", "1")))
	runs, outcomes, failed := ahead(t, st, 1, 2, 3, 4, 5, 6)
	if !slices.Equal(runs, []string{"a b c d", "e"}) || failed != nil {
		t.Errorf("installed %q, failed %v", runs, failed)
	}
	if outcomes["b"] != machine.Written || outcomes["c"] != machine.Brought || outcomes["d"] != machine.Brought || outcomes["e"] != machine.Written {
		t.Errorf("reported %v", outcomes)
	}
}

// TestRowHasItsLimits: what waits for other hosts, or follows something that was not
// done or waits itself, is not installed early.
func TestRowHasItsLimits(t *testing.T) {
	row := func() []Step {
		return steps(set(file("/f", "x", "0644")), set(pkg("a", "1")), set(pkg("b", "1")), set(pkg("c", "1")))
	}
	waits := row()
	waits[2].Waits = true
	runs, _, _ := ahead(t, waits, 1, 2)
	if !slices.Equal(runs, []string{"a"}) {
		t.Errorf("a step that waits for other hosts, and one behind it, were installed early: %q", runs)
	}
	if runs, _, _ = ahead(t, row(), 2); !slices.Equal(runs, []string{"a"}) {
		t.Errorf("before a file that it may need: %q", runs)
	}
	idle := append(row(), steps(set())...) // a step with nothing to do that waits for others
	idle = slices.Insert(idle[:4], 1, Step{ID: 9, Name: "idle", Ensure: set(), Waits: true})
	for i := range idle {
		idle[i].ID = uint32(i + 1)
	}
	if runs, _, _ = ahead(t, idle, 1, 3); !slices.Equal(runs, []string{"a"}) {
		t.Errorf("behind one that still waits for other hosts: %q", runs)
	}
}

// TestRowFailsAlone: a package that cannot be installed fails its own step.
func TestRowFailsAlone(t *testing.T) {
	runs, outcomes, failed := ahead(t, steps(set(pkg("a", "1")), set(pkg("bad", "1")), set(pkg("c", "1"))), 1, 2, 3)
	if !slices.Equal(failed, []uint32{2}) || outcomes["a"] != machine.Written || outcomes["c"] != machine.Written {
		t.Errorf("installed %q: failed %v, reported %v", runs, failed, outcomes)
	}
}

func TestOneInstallation(t *testing.T) {
	for _, c := range []struct {
		steps []Step
		want  bool
	}{
		{steps(set(file("/f", "x", "0644")), set(pkg("a", "1")), set(pkg("b", "1"))), true},
		{steps(set(pkg("a", "1")), set(file("/f", "x", "0644")), set(pkg("b", "1"))), false},
		{steps(set(pkg("a", "1"), file("/f", "x", "0644"))), false},
		{steps(set(file("/f", "x", "0644"))), false},
	} {
		n := New(memory.New(machine.Facts{}), nil, c.steps)
		n.Plan(t.Context())
		if got := n.OneInstallation(); got != c.want {
			t.Errorf("%d steps: %v, want %v", len(c.steps), got, c.want)
		}
	}
}
