package run

import (
	"testing"

	"muster/modules/machine"
)

// TestLists: equal lists are kept once, and lists that differ in anything are not
// taken for one another.
func TestLists(t *testing.T) {
	text := func(s string) machine.State {
		return machine.State{"content": machine.Text(s), "mode": machine.Text("0644")}
	}
	list := func(c machine.Change) []machine.Change {
		return []machine.Change{c, {Table: "package", Key: "p", Want: text("1")}}
	}
	first := machine.Change{Table: "file", Key: "/a", Want: text("x")}
	l := newLists()
	kept := l.share(list(first))
	if again := l.share(list(first)); &again[0] != &kept[0] {
		t.Error("an equal list is kept twice")
	}
	seen := map[*machine.Change]string{&kept[0]: "the first"}
	for name, c := range map[string]machine.Change{
		"key": {Table: "file", Key: "/b", Want: text("x")}, "table": {Table: "user", Key: "/a", Want: text("x")},
		"content": {Table: "file", Key: "/a", Want: text("y")}, "gone": {Table: "file", Key: "/a", Was: text("x")},
		"empty":  {Table: "file", Key: "/a", Was: machine.State{}, Want: text("x")},
		"why":    {Table: "file", Key: "/a", Want: machine.State{"content": machine.Unknown("later"), "mode": machine.Text("0644")}},
		"secret": {Table: "file", Key: "/a", Want: machine.State{"content": {S: "x", Secret: true}, "mode": machine.Text("0644")}},
		"hashed": {Table: "file", Key: "/a", Want: machine.State{"content": {S: "x", Secret: true, Hashed: true}, "mode": machine.Text("0644")}},
		"nth":    {Table: "file", Key: "/a", Nth: 1, Want: text("x")}, "note": {Table: "file", Key: "/a", Want: text("x"), Note: "n"},
		"opaque": {Table: "file", Key: "/a", Want: text("x"), Opaque: true}, "outcome": {Table: "file", Key: "/a", Want: text("x"), Outcome: machine.Repair},
	} {
		other := l.share(list(c))
		if as, taken := seen[&other[0]]; taken {
			t.Errorf("%s: taken for %s", name, as)
		}
		seen[&other[0]] = name
	}
	if k := l.of(list(first)[:1]); len(k.changes) != 1 || k.tally.changes != 1 {
		t.Errorf("the beginning of a list: %+v", k)
	}
	if l.of(nil) != nil {
		t.Error("no changes are a list")
	}
}

// TestListsReplace: only an unknown secret in the place of a value replaces one.
func TestListsReplace(t *testing.T) {
	unknown := machine.State{"content": {Unknown: true, Secret: true}}
	l := newLists()
	if k := l.of([]machine.Change{{Table: "file", Key: "/k", Was: machine.State{"content": machine.Text("old")}, Want: unknown}}); !k.replaces {
		t.Error("a secret over a value is not seen")
	}
	if k := l.of([]machine.Change{{Table: "file", Key: "/k", Want: unknown}}); k.replaces {
		t.Error("a secret where nothing was replaces something")
	}
}

// TestPlanID: a plan's id is of its hosts, steps and changes, and of nothing else.
func TestPlanID(t *testing.T) {
	plan := func(host, content, why string) *Plan {
		return &Plan{Digest: "d", Vertices: []VertexPlan{{Step: "file[x]", Host: host, Changes: []machine.Change{
			{Table: "file", Key: "/a", Want: machine.State{"content": machine.Text(content), "mode": machine.Unknown(why)}}}}, {Step: "file[y]", Host: host}}}
	}
	id := func(p *Plan) string { return planID(p, newLists()) }
	same := id(plan("a", "x", ""))
	if len(same) != 8 || id(plan("a", "x", "some reason")) != same {
		t.Errorf("%q: a reason counts", same)
	}
	if id(plan("b", "x", "")) == same || id(plan("a", "y", "")) == same {
		t.Error("another host or content does not count")
	}
}
