package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

func file(path, content, mode string) machine.Item {
	return machine.Item{Ref: machine.Ref{Table: "file", Key: path}, Want: machine.State{
		"type": machine.Text("file"), "content": machine.Text(content), "mode": machine.Text(mode),
		"owner": machine.Text("root"), "group": machine.Text("root")}}
}

func pkg(name, version string) machine.Item {
	return machine.Item{Ref: machine.Ref{Table: "package", Key: name}, Want: machine.State{"version": machine.Text(version)}}
}

func set(items ...machine.Item) func(context.Context, machine.Machine) error {
	return func(ctx context.Context, m machine.Machine) error { return m.Set(ctx, items...) }
}

func steps(fs ...func(context.Context, machine.Machine) error) []Step {
	var out []Step
	for i, f := range fs {
		out = append(out, Step{ID: uint32(i + 1), Name: fmt.Sprintf("s[%d]", i+1), Ensure: f,
			Reads: [][]string{{"ask"}}})
	}
	return out
}

// apply plans and applies all steps, and checks the promise: the same list.
func apply(t *testing.T, s *memory.Store, st []Step) []machine.Change {
	t.Helper()
	n := New(s, nil, st)
	var all []machine.Change
	for _, p := range n.Plan(t.Context()) {
		if p.Err != nil {
			t.Fatal(p.Err)
		}
		got, err := n.Do(t.Context(), p.ID, nil)
		if err != nil {
			t.Fatalf("step %d: %v", p.ID, err)
		}
		assertSame(t, p.Changes, got)
		all = append(all, got...)
	}
	return all
}

func assertSame(t *testing.T, planned, got []machine.Change) {
	t.Helper()
	rest := got[:0:0]
	for _, c := range got {
		if c.Outcome != machine.Repair {
			rest = append(rest, c)
		}
	}
	if len(planned) != len(rest) {
		t.Fatalf("planned %d changes, apply reported %d:\n%v\n%v", len(planned), len(rest), planned, rest)
	}
	for i := range planned {
		if !planned[i].Same(rest[i]) {
			t.Fatalf("change %d: planned %+v, reported %+v", i, planned[i], rest[i])
		}
	}
}

func converged(t *testing.T, s *memory.Store, st []Step) {
	t.Helper()
	for _, p := range New(s, nil, st).Plan(t.Context()) {
		if p.Err != nil || len(p.Changes) > 0 {
			t.Fatalf("second plan: %+v %v", p.Changes, p.Err)
		}
	}
}

func TestBroughtByPackage(t *testing.T) {
	s := memory.New(machine.Facts{})
	conf := file("/etc/munge/munge.key", "k", "0400")
	conf.Want["owner"] = machine.Text("munge")
	s.Brings("munge", machine.Item{Ref: machine.Ref{Table: "user", Key: "munge"}, Want: machine.State{"uid": machine.Text("99")}},
		machine.Item{Ref: conf.Ref, Want: file("", "random", "0400").Want},
		machine.Item{Ref: machine.Ref{Table: "unit", Key: "munge.service"}, Want: machine.State{"running": machine.Bool(false), "enabled": machine.Bool(true)}})
	st := steps(set(pkg("munge", "1")), set(conf), func(ctx context.Context, m machine.Machine) error {
		return machine.EnsureUnit(ctx, m, machine.Unit{Name: "munge.service", Running: true, Enabled: true,
			Inputs: []machine.Input{{File: conf.Ref.Key}, {Package: "munge"}}})
	})
	got := apply(t, s, st)
	if len(got) != 3 || got[2].Note != "start" {
		t.Fatalf("%+v", got)
	}
	converged(t, s, st)
}

// TestUnitWithAFileOfItsPackage: the plan takes the file for missing, and the unit is
// started with what the package has brought.
func TestUnitWithAFileOfItsPackage(t *testing.T) {
	s := memory.New(machine.Facts{})
	conf := file("/etc/lighttpd.conf", "port = 80", "0644")
	s.Brings("lighttpd", conf, machine.Item{Ref: machine.Ref{Table: "unit", Key: "lighttpd.service"},
		Want: machine.State{"running": machine.Bool(false), "enabled": machine.Bool(true)}})
	st := steps(set(pkg("lighttpd", "1")), func(ctx context.Context, m machine.Machine) error {
		return machine.EnsureUnit(ctx, m, machine.Unit{Name: "lighttpd.service", Running: true, Enabled: true,
			Inputs: []machine.Input{{File: conf.Ref.Key}, {File: conf.Ref.Key, Keys: []string{"port"}, Reload: true}}})
	})
	if got := apply(t, s, st); len(got) != 2 || got[1].Note != "start" {
		t.Fatalf("%+v", got)
	}
	converged(t, s, st)
}

func TestOwnerWithoutUserOrPackage(t *testing.T) {
	it := file("/x", "", "0644")
	it.Want["owner"] = machine.Text("nobody-here")
	p := New(memory.New(machine.Facts{}), nil, steps(set(it))).Plan(t.Context())
	if p[0].Err == nil || !strings.Contains(p[0].Err.Error(), `no user "nobody-here"`) {
		t.Fatal(p[0].Err)
	}
}

func TestRepairAndDeviation(t *testing.T) {
	dir := machine.Item{Ref: machine.Ref{Table: "file", Key: "/etc/slurm"}, Want: machine.State{"type": machine.Text("directory"), "mode": machine.Text("0750")}}
	s := memory.New(machine.Facts{})
	s.Seed(dir.Ref, dir.Want)
	s.Brings("slurmd", machine.Item{Ref: dir.Ref, Want: machine.State{"type": machine.Text("directory"), "mode": machine.Text("0755")}})
	got := apply(t, s, steps(set(pkg("slurmd", "1")), set(dir)))
	if len(got) != 2 || got[1].Outcome != machine.Repair {
		t.Fatalf("%+v", got)
	}

	unit := machine.Ref{Table: "unit", Key: "x.service"}
	s.Seed(unit, machine.State{"running": machine.Bool(true), "enabled": machine.Bool(true)})
	s.Brings("y", machine.Item{Ref: unit, Want: machine.State{"running": machine.Bool(false), "enabled": machine.Bool(true)}})
	n := New(s, nil, steps(set(pkg("y", "1")), set(machine.Item{Ref: unit, Want: machine.State{"running": machine.Bool(true)}})))
	n.Plan(t.Context())
	if _, err := n.Do(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Do(t.Context(), 2, nil); !errors.Is(err, machine.ErrDeviation) {
		t.Fatalf("a start that the plan lacks: %v", err)
	}
}

func unitStep(u machine.Unit) func(context.Context, machine.Machine) error {
	return func(ctx context.Context, m machine.Machine) error { return machine.EnsureUnit(ctx, m, u) }
}

func TestDaemonIsPartOfTheState(t *testing.T) {
	s := memory.New(machine.Facts{})
	u := machine.Unit{Name: "slurmctld.service", Running: true, Enabled: true, Inputs: []machine.Input{
		{File: "/slurm.conf", Keys: []string{"ClusterName"}}, {File: "/slurm.conf", Reload: true}}}
	conf := func(text string) []Step { return steps(set(file("/slurm.conf", text, "0644")), unitStep(u)) }
	apply(t, s, conf("ClusterName=a\nX=1\n"))
	for _, c := range []struct{ text, note string }{
		{"ClusterName=a\nX=2\n", "reload (slurm.conf)"},
		{"ClusterName=b\nX=2\n", "restart (slurm.conf)"},
	} {
		// The controller dies between the write and the restart: the plan after it
		// still knows.
		n := New(s, nil, conf(c.text))
		n.Plan(t.Context())
		if _, err := n.Do(t.Context(), 1, nil); err != nil {
			t.Fatal(err)
		}
		got := apply(t, s, conf(c.text))
		if len(got) != 1 || got[0].Note != c.note {
			t.Fatalf("after %q: %+v", c.text, got)
		}
		converged(t, s, conf(c.text))
	}
}

func TestAdoption(t *testing.T) {
	s := memory.New(machine.Facts{})
	s.Seed(machine.Ref{Table: "unit", Key: "a.service"}, machine.State{"running": machine.Bool(true), "enabled": machine.Bool(true)})
	converged(t, s, steps(unitStep(machine.Unit{Name: "a.service", Running: true, Enabled: true, Inputs: []machine.Input{{Value: "args", Text: "-x"}}})))
}

func TestUnknownSpreadsAndIsNotNeeded(t *testing.T) {
	s := memory.New(machine.Facts{})
	s.Answer([]string{"ask"}, machine.Result{Stdout: "v"})
	s.Seed(machine.Ref{Table: "file", Key: "/out"}, machine.State{"content": machine.Text("v")})
	use := func(ctx context.Context, m machine.Machine) error {
		r, err := m.Query(ctx, machine.Query{Argv: []string{"ask"}, Reads: []machine.Ref{{Table: "package", Key: "p"}}})
		if err != nil {
			return err
		}
		v := machine.Text(r.Stdout)
		if r.Unknown {
			v = machine.Unknown(r.Why)
		}
		return m.Set(ctx, machine.Item{Ref: machine.Ref{Table: "file", Key: "/out"}, Want: machine.State{"content": v}})
	}
	got := apply(t, s, steps(set(pkg("p", "1")), use))
	if len(got) != 2 || got[1].Outcome != machine.NotNeeded {
		t.Fatalf("%+v", got)
	}
}

func TestQueryIsHeldToItsDeclaration(t *testing.T) {
	p := New(memory.New(machine.Facts{}), nil, steps(func(ctx context.Context, m machine.Machine) error {
		_, err := m.Query(ctx, machine.Query{Argv: []string{"systemctl", "restart", "x"}})
		return err
	})).Plan(t.Context())
	if p[0].Err == nil {
		t.Fatal("an undeclared program ran in a plan")
	}
}

func TestPlanWritesNothing(t *testing.T) {
	s := memory.New(machine.Facts{})
	before := len(s.Dump())
	New(s, nil, steps(set(file("/a", "x", "0644"), pkg("p", "1")), func(ctx context.Context, m machine.Machine) error {
		_, err := m.Run(ctx, machine.Run{Argv: []string{"rm", "-rf", "/"}})
		return err
	})).Plan(t.Context())
	if len(s.Dump()) != before || len(s.Ran()) != 0 {
		t.Fatalf("%v %v", s.Dump(), s.Ran())
	}
}

func TestSecretsStayOnTheNode(t *testing.T) {
	const canary = "CANARY-NEW"
	s := memory.New(machine.Facts{})
	s.Seed(machine.Ref{Table: "file", Key: "/key"}, machine.State{"type": machine.Text("file"), "content": machine.Text("CANARY-OLD"), "mode": machine.Text("0400"), "owner": machine.Text("root"), "group": machine.Text("root")})
	it := file("/key", canary, "0400")
	it.Want["content"] = machine.Value{S: canary, Secret: true}
	st := steps(set(it), unitStep(machine.Unit{Name: "u.service", Running: true, Inputs: []machine.Input{{File: "/key"}}}))
	n := New(s, nil, st)
	plans := n.Plan(t.Context())
	b, err := n.Save()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%+v", plans) + string(b)
	if strings.Contains(text, "CANARY") {
		t.Fatal("a secret is in the plan or in the saved base")
	}
	m := New(s, nil, st)
	if err := m.Load(b); err != nil {
		t.Fatal(err)
	}
	assertSame(t, plans[0].Changes, m.Plan(t.Context())[0].Changes)
	if _, err := m.Do(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if got := s.Dump()[it.Ref].Get("content").S; got != canary {
		t.Fatalf("wrote %q", got)
	}
}

func TestResumeGoesOnFromTheBase(t *testing.T) {
	st := steps(set(pkg("p", "1")), set(file("/a", "1", "0644"), file("/b", "2", "0644")), set(file("/c", "3", "0644")))
	s := memory.New(machine.Facts{})
	n := New(s, nil, st)
	plans := n.Plan(t.Context())
	b, err := n.Save()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Do(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	// The agent dies in the middle of step 2.
	s.Seed(machine.Ref{Table: "file", Key: "/a"}, file("/a", "1", "0644").Want)
	m := New(s, nil, st)
	if err := m.Load(b); err != nil {
		t.Fatal(err)
	}
	again := m.Plan(t.Context())
	for i := range plans {
		assertSame(t, plans[i].Changes, again[i].Changes)
	}
	for _, id := range []uint32{2, 3} {
		got, err := m.Do(t.Context(), id, nil)
		if err != nil {
			t.Fatal(err)
		}
		assertSame(t, plans[id-1].Changes, got)
	}
	if b2, _ := m.Save(); bytes.Equal(b, nil) || len(b2) == 0 {
		t.Fatal("base lost")
	}
}

func TestOrderOfStepsMayDifferFromThePlan(t *testing.T) {
	s := memory.New(machine.Facts{})
	s.Brings("late", machine.Item{Ref: machine.Ref{Table: "file", Key: "/x"}, Want: file("", "other", "0600").Want})
	n := New(s, nil, steps(set(pkg("late", "1")), set(file("/x", "ours", "0644")), set(file("/y", "y", "0644"))))
	plans := n.Plan(t.Context())
	for _, id := range []uint32{3, 1, 2} {
		got, err := n.Do(t.Context(), id, nil)
		if err != nil {
			t.Fatal(err)
		}
		assertSame(t, plans[id-1].Changes, got)
	}
}

func TestDidNotConverge(t *testing.T) {
	s := memory.New(machine.Facts{})
	s.Answer([]string{"make-it"}, machine.Result{})
	n := New(s, nil, steps(func(ctx context.Context, m machine.Machine) error {
		if st, err := m.Read(ctx, machine.Ref{Table: "file", Key: "/made"}); err != nil || st != nil {
			return err
		}
		_, err := m.Run(ctx, machine.Run{Argv: []string{"make-it"}})
		return err
	}))
	n.Plan(t.Context())
	if _, err := n.Do(t.Context(), 1, nil); !errors.Is(err, machine.ErrDiverged) {
		t.Fatal(err)
	}
}

func TestUnitsWithNothingToDo(t *testing.T) {
	s := memory.New(machine.Facts{})
	s.Seed(machine.Ref{Table: "unit", Key: "dbus.service"}, machine.State{"running": machine.Bool(true), "enabled": machine.Text(machine.Static)})
	converged(t, s, steps(
		unitStep(machine.Unit{Name: "dbus.service", Running: true}),
		unitStep(machine.Unit{Name: "dbus.service", Running: true, Enabled: true}),
		unitStep(machine.Unit{Name: "absent.service"})))
	p := New(s, nil, steps(unitStep(machine.Unit{Name: "absent.service", Enabled: true}))).Plan(t.Context())
	if len(p[0].Changes) != 1 {
		t.Fatalf("an absent unit that is to be enabled: %+v", p)
	}
}
