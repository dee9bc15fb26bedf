package modules_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/machine/memory"
	"muster/modules/machine/plan"
)

// apply runs one step on a memory machine and returns the keys of its changes.
func apply(t *testing.T, s machine.Store, ensure func(context.Context, machine.Machine) error) []string {
	t.Helper()
	n := plan.New(s, nil, []plan.Step{{ID: 1, Name: "case", Ensure: ensure}})
	if p := n.Plan(t.Context())[0]; p.Err != nil {
		t.Fatal(p.Err)
	}
	changes, err := n.Do(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range changes {
		out = append(out, c.Ref().String())
	}
	return out
}

// oneSet counts the calls that write packages: one transaction is the promise.
type oneSet struct {
	*memory.Store
	puts int
}

func (s *oneSet) Put(ctx context.Context, table string, items []machine.Item, was []machine.State) error {
	s.puts++
	return s.Store.Put(ctx, table, items, was)
}

func TestEnsurePackages(t *testing.T) {
	s := &oneSet{Store: memory.New(machine.Facts{})}
	for name, version := range map[string]string{"a": "1", "b": "2", "c": "3"} {
		s.Seed(machine.Ref{Table: "package_candidate", Key: name}, machine.State{"version": machine.Text(version)})
	}
	s.Seed(machine.Ref{Table: "package", Key: "b"}, machine.State{"version": machine.Text("1")})
	ensure := func(ctx context.Context, m machine.Machine) error {
		return modules.EnsurePackages(ctx, m, "a", "b", "c")
	}
	if d := cmp.Diff([]string{"package[a]", "package[c]"}, apply(t, s, ensure)); d != "" {
		t.Errorf("changes differ (-want +got):\n%s", d)
	}
	if s.puts != 1 {
		t.Errorf("%d transactions, want 1", s.puts)
	}
	if got := s.Dump()[machine.Ref{Table: "package", Key: "b"}].Get("version").S; got != "1" {
		t.Errorf("an installed package came to version %q", got)
	}
	if again := apply(t, s, ensure); len(again) != 0 {
		t.Errorf("a second time changes %q", again)
	}
}

func TestParentItems(t *testing.T) {
	s := memory.New(machine.Facts{})
	s.Seed(machine.Ref{Table: "file", Key: "/srv"}, machine.State{"type": machine.Text("directory")})
	ensure := func(ctx context.Context, m machine.Machine) error {
		items, err := modules.ParentItems(ctx, m, "/srv/a/b/c")
		if err != nil {
			return err
		}
		return m.Set(ctx, items...)
	}
	if d := cmp.Diff([]string{"file[/srv/a]", "file[/srv/a/b]"}, apply(t, s, ensure)); d != "" {
		t.Errorf("changes differ (-want +got):\n%s", d)
	}
}

func TestChecks(t *testing.T) {
	for name, tc := range map[string]struct {
		err error
		ok  bool
	}{
		"path":              {modules.CheckPath("p", "/a/b"), true},
		"path, relative":    {modules.CheckPath("p", "a"), false},
		"path, dots":        {modules.CheckPath("p", "/a/../b"), false},
		"path, break":       {modules.CheckPath("p", "/a\nb"), false},
		"mode":              {modules.CheckMode("p", "0644"), true},
		"mode, none":        {modules.CheckMode("p", ""), true},
		"mode, three":       {modules.CheckMode("p", "644"), false},
		"mode, not octal":   {modules.CheckMode("p", "0684"), false},
		"owner, id":         {modules.CheckOwner("p", "64030"), true},
		"owner, name":       {modules.CheckOwner("p", "_apt"), true},
		"owner, colon":      {modules.CheckOwner("p", "a:b"), false},
		"host":              {modules.CheckHostName("p", "dgx01.lab.example.com"), true},
		"host, empty label": {modules.CheckHostName("p", "a..b"), false},
		"host, option":      {modules.CheckHostName("p", "-a"), false},
		"one of":            {modules.CheckOneOf("p", "b", "a", "b"), true},
		"none of":           {modules.CheckOneOf("p", "c", "a", "b"), false},
		"no OS list":        {modules.CheckOS(modules.Module{}, machine.Facts{OS: "x"}), true},
		"OS":                {modules.CheckOS(modules.Module{OS: []string{"debian"}}, machine.Facts{OS: "debian"}), true},
		"other OS":          {modules.CheckOS(modules.Module{OS: []string{"debian"}}, machine.Facts{OS: "rocky"}), false},
		"first":             {modules.FirstError(nil, errors.New("x"), errors.New("y")), false},
		"none":              {modules.FirstError(nil, nil), true},
	} {
		if (tc.err == nil) != tc.ok {
			t.Errorf("%s: %v", name, tc.err)
		}
	}
}
