package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/cmd/muster/view"
	"muster/inventory"
	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/playbooks/run"
)

// twoParts is the journal of a run that failed and was resumed.
func twoParts() []event.Event {
	part := func(exit int, end event.State) []event.Event {
		change := []machine.Change{{Table: "file", Key: "/x", Want: machine.State{"mode": machine.Text("0644")}}}
		return []event.Event{
			{Kind: event.KindVersion, Text: "muster events 1"}, {Kind: event.RunStart, Text: "muster apply p.hcl"},
			{Kind: event.PlanStep, Step: "file[x]", Host: "n1", Changes: change},
			{Kind: event.PlanDone, Summary: &event.Summary{Hosts: 1, Changes: 1}}, {Kind: event.Approved, Text: "--yes"},
			{Kind: event.StepResult, Step: "file[x]", Host: "n1", State: end, Changes: change},
			{Kind: event.RunSummary, Summary: &event.Summary{Exit: exit, Changed: 1, Changes: 1}},
		}
	}
	return append(part(run.ExitFailed, event.Failed), part(run.ExitOK, event.Changed)...)
}

func TestShowARunOfTwoParts(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out, paint: view.NewPaint(&out)}
	if err := a.showEvents(twoParts(), "muster resume x"); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "  1 node n1:\n") != 2 || strings.Contains(got, "2 nodes") || strings.Contains(got, "cut off") {
		t.Errorf("shown\n%s", got)
	}
	out.Reset()
	if err := a.showEvents(twoParts()[:6], "muster resume -i lab.hcl x"); err != nil || !strings.Contains(out.String(), "Go on with: muster resume -i lab.hcl x\n") {
		t.Errorf("cut off, %v\n%s", err, out.String())
	}
	out.Reset()
	a.json = view.NewJSON(&out)
	if err := a.showEvents(twoParts(), "muster resume x"); err != nil {
		t.Fatal(err)
	}
	a.endJSON(0, "")
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(rows) != 12 || strings.Count(out.String(), `"version"`) != 1 || strings.Count(out.String(), `"run_summary"`) != 1 ||
		!strings.Contains(rows[0], `"seq":1,`) || !strings.Contains(rows[11], `"seq":12,`) || !strings.Contains(rows[11], `"run_summary"`) {
		t.Errorf("%d rows\n%s", len(rows), out.String())
	}
}

// TestResumeTakesTheLastApprovedRun: a run that was killed at its prompt is none.
func TestResumeTakesTheLastApprovedRun(t *testing.T) {
	inv := &inventory.Inventory{StateDir: t.TempDir()}
	approved, killed := run.NewID(time.Unix(1_700_000_000, 0)), run.NewID(time.Unix(1_800_000_000, 0))
	for id, text := range map[string]string{approved: `{"type":"run_start"}` + "\n" + `{"type":"approved"}` + "\n", killed: `{"type":"run_start"}` + "\n"} {
		if err := os.MkdirAll(runDir(inv, id), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(runDir(inv, id), run.JournalFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := chooseRun(inv, nil); got != approved || err != nil {
		t.Errorf("chose %q, %v; want %s", got, err, approved)
	}
}

// TestResumeCommandReachesTheSameNodes: what the way to the nodes needs is in it, as a
// shell reads it.
func TestResumeCommandReachesTheSameNodes(t *testing.T) {
	a := &app{flags: flags{inventory: "my lab.hcl", user: "eve", hostKey: "accept-new", askBecome: true}}
	w := &work{inv: &inventory.Inventory{Path: "my lab.hcl"}}
	if got, want := a.resumeCommand(w), "muster resume -i 'my lab.hcl' -u eve --host-key accept-new -K"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestShowADeclinedResume: what an earlier part has done is not said to be done by
// the part that was declined.
func TestShowADeclinedResume(t *testing.T) {
	first := twoParts()[:6] // cut off
	plan := []event.Event{{Kind: event.RunStart, Text: "muster resume"}, {Kind: event.PlanDone, Summary: &event.Summary{Hosts: 1, Changes: 1}}}
	end := func(exit int) event.Event {
		return event.Event{Kind: event.RunSummary, Summary: &event.Summary{Exit: exit, Changed: 17}}
	}
	for _, c := range []struct {
		events []event.Event
		want   string
	}{
		{slices.Concat(first, plan, []event.Event{end(run.ExitDeclined)}), "Declined, nothing was changed. Go on with: muster resume x\n"},
		{slices.Concat(first, plan, []event.Event{end(run.ExitInterrupted)}), "Interrupted before it was approved, nothing was changed. Go on with: muster resume x\n"},
		{slices.Concat(first, plan), "Cut off before it was approved, nothing was changed. Go on with: muster resume x\n"},
		{slices.Concat(plan, []event.Event{end(run.ExitDeclined)}), "Declined, nothing was changed.\n"},
	} {
		var out bytes.Buffer
		a := &app{out: &out, paint: view.NewPaint(&out)}
		if err := a.showEvents(c.events, "muster resume x"); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.HasSuffix(got, "\n"+c.want) || strings.Contains(got, "Done:") {
			t.Errorf("want %q at the end of\n%s", c.want, got)
		}
	}
}
