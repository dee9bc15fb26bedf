// Package modtest is the suite that every module passes. A module's own test is
// one line; its cases are txtar files:
//
//	arguments.json  the step's arguments; a secret is a string of 8 bytes or more,
//	                {"pending": "..."} one that is made at apply
//	facts.json      facts of the node; OS is debian 13 where they do not say
//	before          states of the node, see text.go; a unit may have input fields: "(older)"
//	                is an input that has changed since, "(current)" one that has not
//	brings          what packages bring along: "NAME brings table[key]", then fields
//	programs.json   answers of programs, see program
//	changes         the plan (golden)
//	after           the states that the apply has changed (golden)
//	error           the error, in place of changes and after (golden)
//
// go test -update writes the golden parts.
package modtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/machine/plan"
)

var update = flag.Bool("update", false, "write the golden parts of cases")

// stepID is the only step's; any number does.
const stepID = 1

// Run runs all cases that the pattern finds, such as "testdata/*.txtar". Tables
// are those of other modules that m's Ensure uses.
func Run(t *testing.T, m modules.Module, pattern string, tables ...machine.Table) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no cases at %s (%v)", m.Name, pattern, err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			runFile(t, m, f, append(tables, m.Tables...))
		})
	}
	t.Run("unsupported OS", func(t *testing.T) {
		err := modules.CheckOS(m, machine.Facts{OS: "plan9"})
		if (err == nil) != (len(m.OS) == 0) {
			t.Errorf("a node with plan9, OS is %q: %v", m.OS, err)
		}
	})
}

func runFile(t *testing.T, m modules.Module, file string, tables []machine.Table) {
	c := readCase(t, file)
	got := golden{}
	if err := c.run(t, m, tables, &got); err != nil {
		got = golden{failed: words(err)}
		c.secrets.check(t, "error", []byte(got.failed))
	}
	if *update {
		c.write(t, file, got)
		return
	}
	if d := cmp.Diff(c.want.text(), got.text()); d != "" {
		t.Errorf("golden parts differ (-want +got):\n%s", d)
	}
}

// run plans and applies the case and holds both to the laws of every module.
func (c *testCase) run(t testing.TB, m modules.Module, tables []machine.Table, got *golden) error {
	node, s, err := c.node(m, tables)
	if err != nil {
		return err
	}
	before := s.Dump()
	planned := node.Plan(t.Context())[0]
	if planned.Err != nil {
		return planned.Err
	}
	if d := cmp.Diff(before, s.Dump()); d != "" {
		t.Errorf("the plan has written:\n%s", d)
	}
	saved, err := node.Save()
	if err != nil {
		t.Fatal(err)
	}
	c.secrets.check(t, "saved base", saved)
	got.changes = changesText(planned.Changes)
	c.secrets.checkJSON(t, "plan", planned.Changes)

	final, err := c.step(m, true)
	if err != nil {
		return err
	}
	node.Replace(final)
	var output bytes.Buffer
	applied, err := node.Do(t.Context(), stepID, func(s string) { output.WriteString(s) })
	c.secrets.check(t, "output", output.Bytes())
	if err != nil {
		return err
	}
	c.secrets.checkJSON(t, "apply", applied)
	checkSame(t, planned.Changes, applied)
	got.after = statesText(changed(before, s.Dump()))

	return checkAgain(t, plan.New(s, tableMap(tables), []plan.Step{final}))
}

// checkSame: what apply reports is what the plan had listed.
func checkSame(t testing.TB, planned, applied []machine.Change) {
	t.Helper()
	same := len(planned) == len(applied)
	for i := 0; same && i < len(planned); i++ {
		same = planned[i].Same(applied[i])
	}
	if !same {
		t.Errorf("plan and apply differ\nplan:\n%s\napply:\n%s", changesText(planned), changesText(applied))
	}
}

// checkAgain: a second run finds nothing to do, but for what always runs.
func checkAgain(t testing.TB, node *plan.Node) error {
	t.Helper()
	again := node.Plan(t.Context())[0]
	for _, ch := range again.Changes {
		if !ch.Opaque {
			t.Errorf("a second apply would change:\n%s", changesText([]machine.Change{ch}))
		}
	}
	return again.Err
}

// node makes the memory machine of the case and a node with its step.
func (c *testCase) node(m modules.Module, tables []machine.Table) (*plan.Node, *store, error) {
	step, err := c.step(m, false)
	if err != nil {
		return nil, nil, err
	}
	if err := modules.CheckOS(m, c.facts); err != nil {
		return nil, nil, err
	}
	s := c.store()
	return plan.New(s, tableMap(tables), []plan.Step{step}), s, nil
}

// step makes the step as it arrives on a node: validated, encoded and decoded.
// final puts the bytes of pending secrets in.
func (c *testCase) step(m modules.Module, final bool) (plan.Step, error) {
	config, err := c.config(m, final)
	if err != nil {
		return plan.Step{}, err
	}
	if v, ok := config.(modules.Validator); ok {
		if err := v.Validate(); err != nil {
			return plan.Step{}, err
		}
	}
	b, err := modules.Encode(config)
	if err != nil {
		return plan.Step{}, err
	}
	if config, err = modules.Decode(m, b); err != nil {
		return plan.Step{}, err
	}
	ensure := func(ctx context.Context, mach machine.Machine) error { return config.Ensure(ctx, mach) }
	return plan.Step{ID: stepID, Name: m.Name + "[case]", Ensure: ensure, Reads: m.Reads}, nil
}

func tableMap(tables []machine.Table) map[string]machine.Table {
	out := map[string]machine.Table{}
	for _, t := range tables {
		out[t.Name()] = t
	}
	return out
}

// words is an error with its hint.
func words(err error) string {
	s := err.Error() + "\n"
	if e := (*machine.Error)(nil); errors.As(err, &e) && e.Hint != "" {
		s += "hint: " + e.Hint + "\n"
	}
	return s
}

// secrets are the values of a case that may stand in nothing but states.
type secrets []string

func (s secrets) check(t testing.TB, where string, b []byte) {
	t.Helper()
	for _, v := range s {
		for _, form := range []string{v, base64.StdEncoding.EncodeToString([]byte(v))} {
			if bytes.Contains(b, []byte(form)) {
				t.Errorf("%s: holds the secret %q", where, v)
			}
		}
	}
}

func (s secrets) checkJSON(t testing.TB, where string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	s.check(t, where, b)
}
