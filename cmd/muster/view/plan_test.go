package view

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
		last      string
	}{
		{"", long, false, maxNewLines + 1, "… 988 more lines (-v shows all)"}, {"", long, true, 1000, "+line"},
		{"x\n", long, false, maxDiffLines + 1, "… 802 more lines (-v shows all)"}, {"x\n", long, true, 1002, "+line"},
		{"", strings.Repeat("x\n", maxNewLines+1), false, maxNewLines + 1, "… 1 more line (-v shows all)"},
		{"", strings.Repeat("x", maxDiff+1), true, 1, "(0 bytes -> 1048577 bytes)"}, {"a\x00", "b", true, 1, "(not text: 2 bytes -> 1 bytes)"},
	} {
		var b strings.Builder
		p := NewPlan(NewPaint(&b))
		p.All = c.all
		d := newDraft()
		p.content(d, machine.Text(c.was), machine.Text(c.want))
		got := strings.Split(strings.TrimSpace(d.text.String()), "\n")[1:]
		if len(got) != c.lines || strings.TrimSpace(got[len(got)-1]) != c.last {
			t.Errorf("%d lines, the last one %s, want %d and %s", len(got), got[len(got)-1], c.lines, c.last)
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

func TestReportWords(t *testing.T) {
	for _, c := range []struct {
		sum  event.Summary
		want string
	}{
		{event.Summary{Changed: 4, Opaque: 4}, "Done: 4 steps changed, 0 steps already so (0 changes, 4 commands that always run) in 0s.\n"},
		{event.Summary{Exit: 130, Changed: 1, Opaque: 1, Held: 2, Resume: "muster resume x"},
			"Stopped: 1 step changed, 0 steps already so (0 changes, 1 command that always runs) in 0s.\nNot done: 2 steps not started.\nGo on with: muster resume x\n"},
	} {
		var out bytes.Buffer
		r := NewReport(NewPaint(&out))
		r.Emit(event.Event{Kind: event.RunSummary, Summary: &c.sum})
		if err := r.Write(&out); err != nil || out.String() != c.want {
			t.Errorf("%v\n%s\nwant\n%s", err, out.String(), c.want)
		}
	}
}

// TestALostNodeIsWaitedFor: its step does not run, as far as anybody knows.
func TestALostNodeIsWaitedFor(t *testing.T) {
	var out bytes.Buffer
	l := NewLines(&out, NewPaint(&out))
	at := time.Unix(1_700_000_000, 0)
	for _, host := range []string{"node01", "node02"} {
		l.Emit(event.Event{Kind: event.StepStart, Host: host, Step: "file[x]", Time: at})
	}
	l.Emit(event.Event{Kind: event.NodeState, Host: "node02", State: event.Lost, Text: "node02: connect: refused", Time: at.Add(time.Minute)})
	l.Beat(at.Add(2 * time.Minute))
	l.Emit(event.Event{Kind: event.NodeState, Host: "node02", State: event.Ready, Text: "back"})
	l.Emit(event.Event{Kind: event.StepOutput, Host: "node01", Step: "file[x]", Text: "one\nwaiting for \x1b[31m\n"})
	l.Beat(at.Add(3 * time.Minute))
	want := "lost  node02  connect: refused\nwaiting  node02  is gone, giving up in 4m0s\nrunning  file[x]@node01  for 2m0s\n" +
		"ready  node02  back\nrunning  file[x]@node01  for 3m0s, says: waiting for \\x1b[31m\nrunning  file[x]@node02  for 3m0s\n"
	if out.String() != want {
		t.Errorf("shown\n%s\nwant\n%s", out.String(), want)
	}
}

// TestUnplannedHostsWithOneCause: it names none of them.
func TestUnplannedHostsWithOneCause(t *testing.T) {
	var out bytes.Buffer
	p := NewPlan(NewPaint(&out))
	for host, text := range map[string]string{"n02": "n02: look up n02: no such host", "n01": "n01: look up n01: no such host", "a9": "a9: look up a9: refused"} {
		p.Emit(event.Event{Kind: event.NodeState, Host: host, State: event.Unreachable, Text: text})
	}
	p.Emit(event.Event{Kind: event.PlanDone, Summary: &event.Summary{Plan: "0123abcd", Hosts: 3}})
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	want := "Plan 0123abcd: 0 of 3 nodes could be planned\n  not planned 1 node a9, unreachable: look up a9: refused\n" +
		"  not planned 2 nodes n[01-02], unreachable: look up NODE: no such host\n"
	if out.String() != want {
		t.Errorf("shown\n%s\nwant\n%s", out.String(), want)
	}
}

// TestAHostCountsOnce: two steps run the same command on it.
func TestAHostCountsOnce(t *testing.T) {
	var out bytes.Buffer
	p := NewPlan(NewPaint(&out))
	for _, step := range []string{"command[a]", "command[b]"} {
		p.Emit(event.Event{Kind: event.PlanStep, Step: step, Host: "n01", Changes: []machine.Change{{Table: "run", Key: "true", Opaque: true}}})
	}
	if err := p.Write(&out); err != nil || !strings.Contains(out.String(), "always runs true on 1 node n01,") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
