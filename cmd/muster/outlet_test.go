package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"muster/cmd/muster/view"
	"muster/playbooks/event"
	"muster/playbooks/run"
)

// closedPipe is a pipe that nobody reads any more.
func closedPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestAClosedOutputInterrupts: the first write stops the run, the later ones
// disturb nothing, as text and as JSON.
func TestAClosedOutputInterrupts(t *testing.T) {
	for _, json := range []bool{false, true} {
		stopped := 0
		a := &app{}
		a.out = newOutlet(closedPipe(t), func() { stopped++ })
		if a.unread() {
			t.Fatal("unread before anything was written")
		}
		if json {
			a.json = view.NewJSON(a.out)
			a.json.Next(event.Event{Kind: event.RunStart})
		}
		for range 3 {
			if n, err := fmt.Fprint(a.out, "line\n"); n != 5 || err != nil {
				t.Errorf("json %v: wrote %d, %v", json, n, err)
			}
		}
		if stopped != 1 || !a.unread() {
			t.Errorf("json %v: stopped %d times, unread %v", json, stopped, a.unread())
		}
	}
}

// TestNothingUnseenIsApproved: the reader went away while the plan was shown.
func TestNothingUnseenIsApproved(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := &app{}
	a.out = newOutlet(closedPipe(t), sync.OnceFunc(cancel))
	_, err := a.approve(ctx, &screen{plan: view.NewPlan(a.paint)}, consent{yes: true}, &run.Plan{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("approved: %v", err)
	}
}

func TestAClosedOutputNamesTheResumeCommand(t *testing.T) {
	var told strings.Builder
	a := &app{err: &told}
	a.sayUnread(event.Summary{Resume: "muster resume 0123456789abcd"})
	a.sayUnread(event.Summary{})
	if want := "muster: nobody reads the output: stopped. Go on with: muster resume 0123456789abcd\n" +
		"muster: nobody reads the output: stopped before anything was changed\n"; told.String() != want {
		t.Errorf("told %q", told.String())
	}
}

func TestASavedPlanNamesWhatItLeavesOut(t *testing.T) {
	var told strings.Builder
	a := &app{log: slog.New(newLogger(&told))}
	a.warnUnplanned("plan1", &run.Plan{})
	if told.String() != "" {
		t.Errorf("told %q of a complete plan", told.String())
	}
	a.warnUnplanned("plan1", &run.Plan{Unplanned: map[string]string{"n02": "refused", "n01": "refused"}})
	if !strings.Contains(told.String(), "plan1: the saved plan leaves out what could not be planned: n[01-02]") {
		t.Errorf("told %q", told.String())
	}
}
