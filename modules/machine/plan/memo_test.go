package plan

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

// ownRef is what the nodes of these tests differ in.
var ownRef = machine.Ref{Table: "hostname"}

// row is a table of a module: what it answers depends on a file and on a program.
type row struct{}

func (row) Name() string { return "row" }

func (row) Read(ctx context.Context, m machine.Machine, key string, _ []string) (machine.State, error) {
	s, err := m.Read(ctx, machine.Ref{Table: "file", Key: "/a"}, "content")
	if err != nil || s == nil {
		return nil, err
	}
	r, err := m.Query(ctx, machine.Query{Argv: []string{"ask", key}, Reads: []machine.Ref{{Table: "unit", Key: "u"}}})
	if err != nil || r.Unknown {
		return machine.State{"v": machine.Unknown(r.Why)}, err
	}
	return machine.State{"v": machine.Text(s.Get("content").S + r.Stdout)}, nil
}

func (row) Write(context.Context, machine.Runner, string, machine.State, machine.State) error {
	return errors.New("a plan does not write")
}

// drawStep draws what a step does: a few of all that a module may ask of a machine.
func drawStep(t *rapid.T) func(context.Context, machine.Machine) error {
	var parts []func(context.Context, machine.Machine) error
	for range rapid.IntRange(1, 3).Draw(t, "parts") {
		items := rapid.SliceOfN(rapid.Custom(drawItem), 1, 2).Draw(t, "items")
		ref := rapid.SampledFrom([]machine.Ref{items[0].Ref, ownRef, {Table: "row", Key: "r"}, {Table: "package_candidate", Key: "p"},
			{Table: "file", Key: "/etc/apt/x"}}).Draw(t, "ref")
		switch rapid.IntRange(0, 6).Draw(t, "what") {
		case 0, 1:
			parts = append(parts, func(ctx context.Context, m machine.Machine) error { return m.Set(ctx, items...) })
		case 2: // what it finds decides what it wants
			parts = append(parts, func(ctx context.Context, m machine.Machine) error {
				s, err := m.Read(ctx, ref, "content", "version", "v", "name")
				if err != nil {
					return err
				}
				return m.Set(ctx, machine.Item{Ref: machine.Ref{Table: "file", Key: "/seen"}, Want: machine.State{"content": machine.Text(fmt.Sprint(s))}})
			})
		case 3:
			parts = append(parts, func(ctx context.Context, m machine.Machine) error {
				_, err := m.Run(ctx, machine.Run{Argv: []string{"change"}, Writes: []machine.Ref{ref}})
				return err
			})
		case 4:
			parts = append(parts, func(ctx context.Context, m machine.Machine) error {
				r, err := m.Query(ctx, machine.Query{Argv: []string{"ask", "x"}, Reads: []machine.Ref{ref}})
				if err == nil && r.Unknown {
					err = m.Set(ctx, items...)
				}
				return err
			})
		case 5:
			parts = append(parts, func(ctx context.Context, m machine.Machine) error {
				return m.Set(ctx, machine.Item{Ref: ref, Want: machine.State{"content": machine.Text("1"), "owner": machine.Text("daemon")}})
			})
		case 6:
			cpus := rapid.Bool().Draw(t, "facts")
			parts = append(parts, func(ctx context.Context, m machine.Machine) error {
				if cpus && m.Facts().CPUs > 0 {
					return errors.New("too many")
				}
				return nil
			})
		}
	}
	return func(ctx context.Context, m machine.Machine) error {
		for _, p := range parts {
			if err := p(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}

// memoStore is a node of the fleet: all have one store, but for their names.
type memoStore struct {
	*memory.Store
	name string
	cpus int
}

func (s memoStore) Facts() machine.Facts { return machine.Facts{Hostname: s.name, CPUs: s.cpus} }

func (s memoStore) Get(ctx context.Context, via machine.Machine, ref machine.Ref, fields []string) (machine.State, error) {
	if ref == ownRef {
		return machine.State{"name": machine.Text(s.name)}, nil
	}
	return s.Store.Get(ctx, via, ref, fields)
}

// TestMemoEqualsPlan: whatever steps do, a memo that has seen other nodes says of a
// node what a plan of that node alone says, or that it cannot.
func TestMemoEqualsPlan(t *testing.T) {
	answered := 0
	rapid.Check(t, func(rt *rapid.T) {
		store := memory.New(machine.Facts{})
		for _, it := range rapid.SliceOfN(rapid.Custom(drawItem), 0, 4).Draw(rt, "before") {
			store.Seed(it.Ref, it.Want)
		}
		store.Answer([]string{"ask"}, machine.Result{Stdout: "answer"})
		tables := map[string]machine.Table{"row": row{}}
		kinds := rapid.SliceOfN(rapid.Custom(drawStep), 1, 5).Draw(rt, "kinds")
		memo := NewMemo()
		for host := range 8 {
			s := memoStore{store, fmt.Sprint("n", host/2), host % 2}
			var steps []Step
			var alike []Alike
			for i, k := range rapid.SliceOfN(rapid.IntRange(0, len(kinds)-1), 1, 5).Draw(rt, "steps") {
				steps = append(steps, Step{ID: uint32(i + 1), Ensure: kinds[k], Reads: [][]string{{"ask"}}})
				alike = append(alike, Alike{ID: uint32(i + 1), Kind: int32(k)})
			}
			got, ok := memo.Plan(context.Background(), s, tables, alike, func(i int) Step { return steps[i] }, ownRef)
			if !ok {
				continue
			}
			answered++
			if want := New(s, tables, steps).Plan(context.Background()); !reflect.DeepEqual(got, want) {
				rt.Fatalf("node %d, steps %v:\n%+v\nalone:\n%+v", host, alike, got, want)
			}
		}
	})
	if answered == 0 {
		t.Error("no node was planned")
	}
}

// TestMemoRunsOnce: on nodes that are alike a step runs for the first two, and what
// follows on something of a node's own runs again only where it looks at that.
func TestMemoRunsOnce(t *testing.T) {
	runs := map[string]int{}
	set := func(name, path, content string) func(context.Context, machine.Machine) error {
		return func(ctx context.Context, m machine.Machine) error {
			runs[name]++
			return m.Set(ctx, machine.Item{Ref: machine.Ref{Table: "file", Key: path}, Want: machine.State{"content": machine.Text(content)}})
		}
	}
	memo := NewMemo()
	const nodes = 10
	for i := range nodes {
		steps := []Step{{ID: 1, Ensure: set("own", "/etc/motd", fmt.Sprint(i))}, {ID: 2, Ensure: set("same", "/etc/a", "a")}, {ID: 3, Ensure: set("over", "/etc/motd", "x")}}
		alike := []Alike{{1, int32(100 + i)}, {2, 1}, {3, 2}}
		plans, ok := memo.Plan(t.Context(), memoStore{memory.New(machine.Facts{}), "n", 1}, nil, alike, func(i int) Step { return steps[i] })
		if !ok || len(plans) != 3 || plans[2].Changes[0].Was.Get("content").S != fmt.Sprint(i) {
			t.Fatalf("node %d: %v %+v", i, ok, plans)
		}
	}
	if want := map[string]int{"own": nodes, "same": 2, "over": nodes}; !reflect.DeepEqual(runs, want) {
		t.Errorf("the steps ran %v times, not %v", runs, want)
	}
}
