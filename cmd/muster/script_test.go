package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"muster/integration/lab"
	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/playbooks/run"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"muster": func() { os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// The scripts are the specification of the command line. They need no node.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("NO_COLOR", "1")
			e.Defer(func() { downSims(t, e.WorkDir) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "saved": saved, "killsim": killsim},
	})
}

// exits runs muster and checks the exact exit code: exits 5 apply plan.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE VERB...")
	}
	err := ts.Exec("muster", args[1:]...)
	got := "0"
	if err != nil {
		got = codeOf(err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// saved writes a plan of a playbook that was made with nodes: saved FILE PLAYBOOK.
func saved(ts *testscript.TestScript, _ bool, args []string) {
	change := machine.Change{Table: "file", Key: "/etc/motd", Want: machine.State{"content": machine.Text("hello\n")}}
	s := &run.Saved{ID: "0123abcd", Digest: "another", Made: 1_700_000_000,
		Source:   run.Source{Inventory: ts.MkAbs("inventory.hcl"), Playbook: ts.MkAbs(args[1])},
		Vertices: []run.SavedVertex{{Name: "file[motd]@node01", Changes: []machine.Change{change}}},
		Events: []event.Event{{Kind: event.PlanStep, Step: "file[motd]", Host: "node01", Changes: []machine.Change{change}},
			{Kind: event.PlanDone, Summary: &event.Summary{Hosts: 1, Changes: 1, Plan: "0123abcd"}}}}
	ts.Check(s.Write(ts.MkAbs(args[0])))
}

// downSims ends the simulated labs that a script which failed has left.
func downSims(t *testing.T, work string) {
	labs, err := filepath.Glob(filepath.Join(work, ".muster-lab", "*"))
	if err != nil {
		t.Error(err)
	}
	for _, dir := range labs {
		if err := lab.DownSim(context.Background(), filepath.Base(dir), dir, nil); err != nil && !errors.Is(err, lab.ErrNoLab) {
			t.Error(err)
		}
	}
}

// killsim kills the process of a simulated lab of the script: killsim NAME. It looks
// twice, so that nothing but that process is ever hit.
func killsim(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(filepath.Join(".muster-lab", args[0]))
	s, err := lab.StatusSim(args[0], dir)
	ts.Check(err)
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.PID), "cmdline"))
	ts.Check(err)
	if !s.Running || !strings.Contains(string(line), simServe) || !strings.Contains(string(line), dir) {
		ts.Fatalf("process %d does not serve %s: %q", s.PID, dir, line)
	}
	ts.Check(syscall.Kill(s.PID, syscall.SIGKILL))
}
