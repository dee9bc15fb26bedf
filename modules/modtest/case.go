package modtest

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

// testCase is a txtar file, read.
type testCase struct {
	archive   *txtar.Archive
	arguments map[string]json.RawMessage
	facts     machine.Facts
	before    []entry
	brings    []entry
	programs  []program
	want      golden
	secrets   secrets
}

// golden are the parts of a case that -update writes.
type golden struct{ changes, after, failed string }

func (g golden) text() map[string]string {
	return map[string]string{"changes": g.changes, "after": g.after, "error": g.failed}
}

// program is an answer of a program to any argv that begins with Argv. A program
// that changes something may make states, and other programs answer differently
// from then on.
type program struct {
	Argv   []string  `json:"argv"`
	Exit   int       `json:"exit"`
	Stdout string    `json:"stdout"`
	Stderr string    `json:"stderr"`
	Makes  string    `json:"makes"` // in the format of before
	Then   []program `json:"then"`

	items []machine.Item
}

func readCase(t *testing.T, file string) *testCase {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &testCase{archive: a, facts: machine.Facts{OS: "debian", OSVer: "13", Codename: "trixie", Arch: "amd64"}}
	for _, f := range a.Files {
		switch f.Name {
		case "arguments.json":
			err = json.Unmarshal(f.Data, &c.arguments)
		case "facts.json":
			err = json.Unmarshal(f.Data, &c.facts)
		case "programs.json":
			if err = json.Unmarshal(f.Data, &c.programs); err == nil {
				err = parseMakes(c.programs)
			}
		case "before":
			c.before, err = parseStates(string(f.Data))
		case "brings":
			c.brings, err = parseStates(string(f.Data))
		case "changes":
			c.want.changes = string(f.Data)
		case "after":
			c.want.after = string(f.Data)
		case "error":
			c.want.failed = string(f.Data)
		default:
			t.Fatalf("%s: %s: no such part of a case", file, f.Name)
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", file, f.Name, err)
		}
	}
	if c.arguments == nil {
		t.Fatalf("%s: has no arguments.json", file)
	}
	return c
}

func parseMakes(programs []program) error {
	for i := range programs {
		entries, err := parseStates(programs[i].Makes)
		if err != nil {
			return err
		}
		for _, e := range entries {
			programs[i].items = append(programs[i].items, machine.Item{Ref: e.ref, Want: e.state})
		}
		if err := parseMakes(programs[i].Then); err != nil {
			return err
		}
	}
	return nil
}

// write puts the golden parts into the file, behind the others.
func (c *testCase) write(t *testing.T, file string, got golden) {
	t.Helper()
	parts := got.text()
	files := slices.DeleteFunc(c.archive.Files, func(f txtar.File) bool { _, is := parts[f.Name]; return is })
	for _, name := range []string{"changes", "after", "error"} {
		if (name == "error") == (got.failed != "") {
			files = append(files, txtar.File{Name: name, Data: []byte(parts[name])})
		}
	}
	c.archive.Files = files
	if err := os.WriteFile(file, txtar.Format(c.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// store is the memory machine of a case, with programs that change what others
// answer.
type store struct {
	*memory.Store
	programs []program
}

func (c *testCase) store() *store {
	s := &store{Store: memory.New(c.facts), programs: c.programs}
	for _, e := range c.before {
		s.begin(e)
	}
	brings := map[string][]machine.Item{}
	for _, e := range c.brings {
		brings[e.by] = append(brings[e.by], machine.Item{Ref: e.ref, Want: e.state})
	}
	for name, items := range brings {
		s.Brings(name, items...)
	}
	s.answer(c.programs)
	return s
}

// begin puts a state of the case in place. A unit with input fields is started
// with these inputs, so that it is known what its process has read.
func (s *store) begin(e entry) {
	hasInput := slices.ContainsFunc(e.state.Fields(), func(f string) bool { return strings.Contains(f, ":") })
	if e.ref.Table != "unit" || !hasInput {
		s.Seed(e.ref, e.state)
		return
	}
	stopped := machine.State{"running": machine.Bool(false), "enabled": e.state.Get("enabled")}
	s.Seed(e.ref, stopped)
	if err := s.Put(context.Background(), "unit", []machine.Item{{Ref: e.ref, Want: e.state}}, []machine.State{stopped}); err != nil {
		panic("cannot happen: the memory machine refuses a unit: " + err.Error())
	}
}

func (s *store) answer(programs []program) {
	for _, p := range programs {
		s.Answer(p.Argv, machine.Result{Exit: p.Exit, Stdout: p.Stdout, Stderr: p.Stderr}, p.items...)
	}
}

// Exec answers as the case says.
func (s *store) Exec(ctx context.Context, r machine.Run, reading bool) (machine.Result, error) {
	res, err := s.Store.Exec(ctx, r, reading)
	for _, p := range s.programs {
		if strings.HasPrefix(strings.Join(r.Argv, "\x00")+"\x00", strings.Join(p.Argv, "\x00")+"\x00") {
			s.answer(p.Then)
		}
	}
	return res, err
}
