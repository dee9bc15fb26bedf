package view

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/transport/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s differs (%v):\n%s", path, err, got)
	}
}

// planned is a plan with one of everything.
func planned() []event.Event {
	text := machine.Text
	conf := []machine.Change{
		{Table: "file", Key: "/etc/slurm/slurm.conf", Was: machine.State{"content": text("A=1\nB=2\nC=3\n")},
			Want: machine.State{"content": text("A=1\nB=9\nC=3\nD=4\n")}},
		{Table: "unit", Key: "slurmd.service", Note: "reload (slurm.conf)",
			Was:  machine.State{"reload:file:/etc/slurm/slurm.conf": text("aaaa")},
			Want: machine.State{"reload:file:/etc/slurm/slurm.conf": text("bbbb")}},
	}
	events := []event.Event{{Kind: event.NodeState, Host: "dgx33", State: event.Unreachable, Text: "dgx33: connect: no route to host"},
		{Kind: event.NodeState, Host: "dgx34", State: event.Unreachable, Text: "dgx34: connect: no route to host"},
		{Kind: event.PlanNote, Step: "slurm_node[compute]", Text: "4 batches of 8, at most 3 may fail"}}
	for i := range 32 {
		list := conf
		if i == 6 {
			list = conf[:1]
		}
		events = append(events, event.Event{Kind: event.PlanStep, Host: fmt.Sprintf("dgx%02d", i+1), Step: "slurm_node[compute]", Pos: "play.hcl:31,1", Changes: list})
	}
	key := []machine.Change{
		{Table: "file", Key: "/etc/munge/munge.key", Was: machine.State{"content": {S: "d1", Secret: true}}, Want: machine.State{"content": {S: "d2", Secret: true}, "mode": text("0400")}},
		{Table: "file", Key: "/etc/new", Want: machine.State{"content": {Unknown: true, Secret: true, Why: "generated at apply"}, "mode": text("0600"), "owner": text("munge")}},
		{Table: "file", Key: "/etc/old", Was: machine.State{"content": text("x")}},
		{Table: "package", Key: "munge", Was: machine.State{"version": text("2.0")}, Want: machine.State{"version": text("1.0")}},
		{Table: "package", Key: "curl", Was: nil, Want: machine.State{"version": machine.Unknown("")}},
		{Table: "package", Key: "nis", Was: machine.State{"version": text("1")}},
		{Table: "unit", Key: "munge.service", Note: "restart (munge.key)", Was: machine.State{"enabled": text("false")}, Want: machine.State{"enabled": text("true")}},
		{Table: "run", Key: "site-hook", Opaque: true, Want: machine.State{"argv": text("/usr/bin/site-hook\n-x")}},
	}
	return append(events,
		event.Event{Kind: event.PlanStep, Host: "mgmt01", Step: "munge[key]", Pos: "play.hcl:16,1", Changes: key},
		event.Event{Kind: event.PlanStep, Host: "mgmt01", Step: "file[x]", Pos: "play.hcl:50,1", State: event.Skipped, Text: "when is false (play.hcl:51,3)"},
		event.Event{Kind: event.PlanStep, Host: "mgmt01", Step: "file[y]", Pos: "play.hcl:60,1", State: event.Failed,
			Failure: &wire.Failure{Object: "file[/y]", Cause: "owner: user nobody7 is not there"}},
		event.Event{Kind: event.PlanDone, Summary: &event.Summary{Plan: "8f3c0a11", Hosts: 35, Changes: 70, Opaque: 1, Unknown: 2}})
}

func TestPlan(t *testing.T) {
	var out bytes.Buffer
	p := NewPlan(NewPaint(&out))
	p.Order([]string{"munge[key]", "slurm_node[compute]"})
	for _, e := range planned() {
		p.Emit(e)
	}
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.txt", out.String())
}

func TestSecretsAreInNoPlan(t *testing.T) {
	var out bytes.Buffer
	p := NewPlan(NewPaint(&out))
	p.Emit(event.Event{Kind: event.PlanStep, Host: "a", Step: "x[y]", Changes: []machine.Change{
		{Table: "file", Key: "/k", Was: machine.State{"content": {S: "old-digest", Secret: true}}, Want: machine.State{"content": {S: "new-digest", Secret: true}}},
		{Table: "file", Key: "/n", Want: machine.State{"content": {S: "new-digest", Secret: true}}}}})
	if err := p.Write(&out); err != nil || strings.Contains(out.String(), "digest") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestDiffIsBounded(t *testing.T) {
	long := strings.Repeat("line\n", 1000)
	for _, c := range []struct {
		was, want string
		all       bool
		lines     int
	}{{"", long, false, maxNewLines + 1}, {"", long, true, maxDiffLines + 1}, {"x\n", long, false, maxDiffLines + 1},
		{"", strings.Repeat("x", maxDiff+1), true, 1}, {"a\x00", "b", true, 1}} {
		if got := diff(machine.Text(c.was), machine.Text(c.want), c.all); len(got) != c.lines {
			t.Errorf("%d lines, want %d", len(got), c.lines)
		}
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	r := NewReport(NewPaint(&out))
	l := NewLines(&out, NewPaint(&out))
	f := func(host string) *wire.Failure {
		return &wire.Failure{Object: "unit[slurmd]@" + host, Cause: "start: /var/spool/slurmd: no such directory", Command: []string{"systemctl", "start", "slurmd"},
			Exit: 1, Stderr: "one\ntwo\n", Hint: "make the folder"}
	}
	for _, e := range []event.Event{
		{Kind: event.StepResult, Host: "dgx17", Step: "slurm_node[compute]", Pos: "play.hcl:31,1", State: event.Failed, Failure: f("dgx17")},
		{Kind: event.StepResult, Host: "dgx18", Step: "slurm_node[compute]", Pos: "play.hcl:31,1", State: event.Failed, Failure: f("dgx18")},
		{Kind: event.StepResult, Host: "dgx18", Step: "later[x]", State: event.Held, Text: "needs slurm_node[compute]@dgx18"},
		{Kind: event.StepResult, Host: "dgx01", Step: "slurm_node[compute]", State: event.Changed, Millis: 2140, Changes: make([]machine.Change, 3)},
		{Kind: event.NodeState, Host: "dgx02", State: event.Lost, Text: "nothing was heard for 30s"},
		{Kind: event.RunSummary, Summary: &event.Summary{Exit: 3, Changed: 1, OK: 12, Failed: 2, Held: 1, Changes: 3, Repairs: 1,
			Unreachable: []string{"dgx03", "dgx04"}, Resume: "muster resume 0123456789abcd", Millis: 61500}},
	} {
		l.Emit(e)
		r.Emit(e)
	}
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", out.String())
}
