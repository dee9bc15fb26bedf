package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

func unitRef(name string) machine.Ref { return machine.Ref{Table: "unit", Key: name} }

func unitState(running, enabled bool) machine.State {
	return machine.State{"running": machine.Bool(running), "enabled": machine.Bool(enabled)}
}

// doAll plans, lets the node drift, and applies; it returns what the last step reported.
func doAll(t *testing.T, s *memory.Store, st []Step, drift func()) (planned []StepPlan, got []machine.Change, err error) {
	t.Helper()
	n := New(s, nil, st)
	planned = n.Plan(t.Context())
	for _, p := range planned {
		if p.Err != nil {
			t.Fatal(p.Err)
		}
	}
	drift()
	for _, p := range planned {
		if got, err = n.Do(t.Context(), p.ID, nil); err != nil {
			return planned, got, err
		}
	}
	return planned, got, nil
}

// A repair does not count as one of the planned changes of its key.
func TestRepairTakesNoPlace(t *testing.T) {
	s := memory.New(machine.Facts{})
	ref := file("/a", "", "").Ref
	s.Seed(ref, file("/a", "1", "0644").Want)
	twice := func(ctx context.Context, m machine.Machine) error {
		if err := m.Set(ctx, machine.Item{Ref: ref, Want: machine.State{"content": machine.Text("1")}}); err != nil {
			return err
		}
		return m.Set(ctx, machine.Item{Ref: ref, Want: machine.State{"mode": machine.Text("0600")}})
	}
	planned, got, err := doAll(t, s, steps(twice), func() { s.Seed(ref, file("/a", "x", "0644").Want) })
	if err != nil {
		t.Fatal(err)
	}
	assertSame(t, planned[0].Changes, got)
	if len(got) != 2 || got[0].Outcome != machine.Repair {
		t.Fatalf("%+v", got)
	}
}

// What a planned change would take along without having been in the plan is held
// to the same teeth as what the plan does not have at all.
func TestTeethBesideAPlannedChange(t *testing.T) {
	conf := machine.Input{File: "/conf", Reload: true}
	bin := machine.Input{Package: "p"}
	service := func(ctx context.Context, m machine.Machine) error {
		return machine.EnsureUnit(ctx, m, machine.Unit{Name: "u", Running: true, Enabled: true, Inputs: []machine.Input{conf, bin}})
	}
	for name, c := range map[string]struct {
		before machine.State
		drift  func(*memory.Store)
		ok     bool
	}{
		"nothing else": {unitState(true, false), func(*memory.Store) {}, true},
		"a start beside enabling": {unitState(true, false),
			func(s *memory.Store) { s.Seed(unitRef("u"), unitState(false, false)) }, false},
		"a start where one was planned":   {unitState(false, false), func(*memory.Store) {}, true},
		"enabling beside a planned start": {unitState(false, true), func(s *memory.Store) { s.Seed(unitRef("u"), unitState(false, false)) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New(machine.Facts{})
			s.Seed(unitRef("u"), c.before)
			s.Seed(file("/conf", "", "").Ref, file("/conf", "x", "0644").Want)
			_, _, err := doAll(t, s, steps(service), func() { c.drift(s) })
			if c.ok && err != nil || !c.ok && !errors.Is(err, machine.ErrDeviation) {
				t.Fatal(err)
			}
		})
	}
}

func TestRestartBesideAPlannedReload(t *testing.T) {
	u := machine.Unit{Name: "u", Running: true, Enabled: true, Inputs: []machine.Input{{File: "/conf", Reload: true}, {File: "/key"}}}
	st := func(conf, key string) []Step {
		return steps(func(ctx context.Context, m machine.Machine) error {
			if err := m.Set(ctx, file("/conf", conf, "0644"), file("/key", key, "0644")); err != nil {
				return err
			}
			return machine.EnsureUnit(ctx, m, u)
		})
	}
	for _, c := range []struct {
		conf, key, note string
		drift           string // the field that another start had otherwise
		ok              bool
	}{
		{"2", "1", "reload (conf)", "restart:file:/key", false},
		{"2", "2", "restart (conf, key)", "reload:file:/conf", true},
		{"2", "1", "reload (conf)", "reload:file:/conf", true},
	} {
		s := memory.New(machine.Facts{})
		s.Seed(unitRef("u"), unitState(false, true))
		apply(t, s, st("1", "1"))
		planned, _, err := doAll(t, s, st(c.conf, c.key), func() {
			was := unitState(true, true)
			was["restart:value:x"] = machine.Text(machine.Stale) // what makes it a restart
			want := unitState(true, true)
			for _, f := range []string{"reload:file:/conf", "restart:file:/key"} {
				want[f] = machine.Text(s.Digest("1"))
			}
			want["restart:value:x"], want[c.drift] = machine.Text("x"), machine.Text("drift")
			if err := s.Put(t.Context(), "unit", []machine.Item{{Ref: unitRef("u"), Want: want}}, []machine.State{was}); err != nil {
				t.Fatal(err)
			}
		})
		last := planned[0].Changes[len(planned[0].Changes)-1]
		if last.Note != c.note || c.ok && err != nil || !c.ok && !errors.Is(err, machine.ErrDeviation) {
			t.Errorf("%+v: %q %v", c, last.Note, err)
		}
	}
}

// The step that was to write a unit's configuration has failed: the unit is not
// started with the old one, nor remembered as having the new one.
func TestNoStartWithoutItsInputs(t *testing.T) {
	u := machine.Unit{Name: "u", Running: true, Enabled: true, Inputs: []machine.Input{
		{File: "/conf"}, {File: "/conf", Keys: []string{"a"}, Reload: true}, {Package: "p"}}}
	s := memory.New(machine.Facts{})
	s.Seed(unitRef("u"), unitState(false, true))
	st := func(conf, version string) []Step {
		return steps(set(file("/conf", conf, "0644")), set(pkg("p", version)), unitStep(u))
	}
	apply(t, s, st("a=1", "1"))
	for _, c := range []struct{ conf, version, note string }{{"a=2", "1", "restart (conf)"}, {"a=1", "2", "restart (p)"}} {
		n := New(s, nil, st(c.conf, c.version))
		n.Plan(t.Context())
		if _, err := n.Do(t.Context(), 3, nil); !errors.Is(err, machine.ErrDeviation) {
			t.Fatalf("%+v: %v", c, err)
		}
		got := apply(t, s, st(c.conf, c.version))
		if got[len(got)-1].Note != c.note {
			t.Fatalf("%+v: the next apply: %+v", c, got)
		}
		apply(t, s, st("a=1", "1"))
	}
}

// A package resets the mode of a file whose content is planned to change: the mode
// is listed as a repair. A link in the file's place is no repair.
func TestFileBesideAPlannedChange(t *testing.T) {
	s := memory.New(machine.Facts{})
	ref := file("/a", "", "").Ref
	s.Seed(ref, file("/a", "old", "0600").Want)
	st := steps(set(file("/a", "new", "0600")))
	planned, got, err := doAll(t, s, st, func() { s.Seed(ref, file("/a", "old", "0644").Want) })
	if err != nil {
		t.Fatal(err)
	}
	assertSame(t, planned[0].Changes, got)
	if len(got) != 2 || got[1].Outcome != machine.Repair || strings.Join(got[1].Want.Fields(), " ") != "mode" || got[0].Outcome != machine.Written {
		t.Fatalf("%+v", got)
	}
	s.Seed(ref, file("/a", "old", "0600").Want)
	_, _, err = doAll(t, s, st, func() { s.Seed(ref, machine.State{"type": machine.Text("link"), "target": machine.Text("/b")}) })
	if !errors.Is(err, machine.ErrDeviation) {
		t.Fatal(err)
	}
}

// A secret that was never made is not written as an empty file.
func TestUnknownIsNeverWritten(t *testing.T) {
	it := file("/key", "", "0400")
	it.Want["content"] = machine.Value{Unknown: true, Secret: true, Why: "generated at apply"}
	s := memory.New(machine.Facts{})
	_, _, err := doAll(t, s, steps(set(it)), func() {})
	if err == nil || !strings.Contains(err.Error(), "generated at apply") {
		t.Fatal(err)
	}
	if got := s.Dump()[it.Ref]; got != nil {
		t.Fatalf("wrote %v", got)
	}
}

// A repository that an earlier step adds makes candidates unknown, not absent.
func TestCandidateAfterARepositoryChange(t *testing.T) {
	s := memory.New(machine.Facts{})
	candidate := machine.Ref{Table: "package_candidate", Key: "p"}
	install := func(ctx context.Context, m machine.Machine) error {
		c, err := m.Read(ctx, candidate, "version")
		if err != nil {
			return err
		}
		if c == nil {
			return errors.New("no candidate")
		}
		if s, err := m.Read(ctx, pkg("p", "").Ref, "version"); err != nil || s != nil {
			return err
		}
		return m.Set(ctx, machine.Item{Ref: pkg("p", "").Ref, Want: machine.State{"version": c.Get("version")}})
	}
	n := New(s, nil, steps(set(file("/etc/apt/sources.list.d/x.sources", "x", "0644")), install))
	plans := n.Plan(t.Context())
	if plans[1].Err != nil || !plans[1].Changes[0].Want.Get("version").Unknown {
		t.Fatalf("%+v", plans[1])
	}
	if got := n.Packages(); len(got) != 0 {
		t.Fatalf("to download before the repository is there: %v", got)
	}
	if _, err := n.Do(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	s.Seed(candidate, machine.State{"version": machine.Text("7")})
	got, err := n.Do(t.Context(), 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	assertSame(t, plans[1].Changes, got)
	if v := s.Dump()[pkg("p", "").Ref].Get("version").S; v != "7" {
		t.Fatalf("installed %q", v)
	}
}

// failing refuses to write one file.
type failing struct {
	*memory.Store
	path string
}

func (f failing) Put(ctx context.Context, table string, items []machine.Item, was []machine.State) error {
	for i, it := range items {
		if it.Ref.Key == f.path {
			return errors.New("no space left on device")
		}
		if err := f.Store.Put(ctx, table, items[i:i+1], was[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// What was written before a failure is in the list of the step that failed.
func TestWhatWasWrittenBeforeAFailureIsReported(t *testing.T) {
	s := failing{memory.New(machine.Facts{}), "/b"}
	n := New(s, nil, steps(set(file("/a", "1", "0644"), file("/b", "1", "0644"), file("/c", "1", "0644"))))
	n.Plan(t.Context())
	got, err := n.Do(t.Context(), 1, nil)
	if err == nil || len(got) != 1 || got[0].Key != "/a" || got[0].Outcome != machine.Written {
		t.Fatalf("%+v %v", got, err)
	}
}

// The plan of a removal tells what goes, not what was in it: nobody marked the
// content of a file that only a unit's input had looked at.
func TestRemovalShowsNoContent(t *testing.T) {
	s := memory.New(machine.Facts{})
	s.Seed(file("/key", "", "").Ref, file("/key", "CANARY", "0400").Want)
	s.Seed(unitRef("u"), unitState(true, true))
	n := New(s, nil, steps(unitStep(machine.Unit{Name: "u", Running: true, Enabled: true, Inputs: []machine.Input{{File: "/key"}}}),
		set(machine.Item{Ref: file("/key", "", "").Ref})))
	plans := n.Plan(t.Context())
	if len(plans[1].Changes) != 1 || strings.Contains(fmt.Sprintf("%+v", plans[1]), "CANARY") {
		t.Fatalf("%+v", plans[1])
	}
	got, err := n.Do(t.Context(), 2, nil)
	if err != nil || strings.Contains(fmt.Sprintf("%+v", got), "CANARY") {
		t.Fatalf("%+v %v", got, err)
	}
	assertSame(t, plans[1].Changes, got)
}

// An owner may come from a directory service: the user table is /etc/passwd alone.
func TestOwnerFromTheNameService(t *testing.T) {
	s := memory.New(machine.Facts{})
	it := file("/x", "", "0644")
	it.Want["owner"], it.Want["group"] = machine.Text("alice"), machine.Text("users")
	s.Seed(machine.Ref{Table: "name_service", Key: "user alice"}, machine.State{"id": machine.Text("20001")})
	s.Seed(machine.Ref{Table: "group", Key: "users"}, machine.State{"gid": machine.Text("100")})
	apply(t, s, steps(set(it)))
}

// What a step that cannot be planned would have done first is nobody's ground.
func TestFailedPlanLeavesNoLayer(t *testing.T) {
	s := memory.New(machine.Facts{})
	n := New(s, nil, steps(func(ctx context.Context, m machine.Machine) error {
		if err := m.Set(ctx, file("/a", "1", "0644"), pkg("p", "1")); err != nil {
			return err
		}
		return errors.New("cannot be planned")
	}, set(file("/a", "1", "0644"))))
	plans := n.Plan(t.Context())
	if plans[0].Err == nil || len(plans[1].Changes) != 1 || len(n.Packages()) != 0 {
		t.Fatalf("%+v %v", plans, n.Packages())
	}
	if got, err := n.Do(t.Context(), 2, nil); err != nil || len(got) != 1 {
		t.Fatalf("%+v %v", got, err)
	}
}

// The word for an unknown input means nothing in a file.
func TestCurrentIsAWordOfUnitsAlone(t *testing.T) {
	s := memory.New(machine.Facts{})
	s.Seed(file("/a", "", "").Ref, file("/a", machine.Current, "0644").Want)
	if got := apply(t, s, steps(set(file("/a", "x", "0644")))); len(got) != 1 {
		t.Fatalf("%+v", got)
	}
}

// A resumed run knows of a secret content only the digest: a step that edits the file
// edits what is there, never the digest.
func TestResumeNeverEditsADigest(t *testing.T) {
	ref := file("/a", "", "").Ref
	secret := file("/a", "", "0600")
	secret.Want["content"] = machine.Value{S: "whole", Secret: true}
	st := steps(func(ctx context.Context, m machine.Machine) error {
		s, err := m.Read(ctx, ref, "content")
		if err != nil || strings.HasSuffix(s.Get("content").S, "+") {
			return err
		}
		return m.Set(ctx, machine.Item{Ref: ref, Want: machine.State{"content": machine.Text(s.Get("content").S + "+")}})
	}, set(secret))
	s := memory.New(machine.Facts{})
	s.Seed(ref, file("/a", "old", "0600").Want)
	n := New(s, nil, st)
	n.Plan(t.Context())
	b, err := n.Save()
	if err != nil {
		t.Fatal(err)
	}
	m := New(s, nil, st)
	if err := m.Load(b); err != nil {
		t.Fatal(err)
	}
	m.Plan(t.Context())
	if _, err := m.Do(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	if got := s.Dump()[ref].Get("content").S; got != "old+" {
		t.Fatalf("wrote %q", got)
	}
}
