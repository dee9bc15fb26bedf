package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"muster/playbooks/event"
)

func TestResumeDoesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := build("a b c", "one: a b c", "two: a b c", "three: a b").after("two", "one").afterAll("three", "two")
		f, dir := newFleet(), t.TempDir()
		f.trouble["two@a"] = "fail"
		sum, _ := apply(t, b, f, ExitFailed, func(o *Options) { o.Dir, o.ID = dir, "0123456789abcd" })
		if sum.Resume != "muster resume 0123456789abcd" {
			t.Errorf("resume line %q", sum.Resume)
		}
		j := readJournal(t, dir)
		if j.Run != "0123456789abcd" || j.Digest != "d1" || !j.Approved || j.Exit != ExitFailed || len(j.Started) != 0 {
			t.Fatalf("journal %+v", j)
		}
		delete(f.trouble, "two@a")
		f.did, f.dials = nil, map[string]int{}
		apply(t, b, f, ExitOK, func(o *Options) { o.Dir, o.ID, o.Done = dir, j.Run, j.Done })
		slices.Sort(f.did)
		if !slices.Equal(f.did, []string{"three@a", "three@b", "two@a"}) || f.dials["c"] != 0 {
			t.Errorf("second part did %v, dials %v", f.did, f.dials)
		}
		after := readJournal(t, dir)
		for i, e := range after.Events {
			if e.Seq != uint64(i+1) {
				t.Fatalf("event %d has number %d", i, e.Seq)
			}
		}
		if after.Exit != ExitOK || len(after.Done) != 8 {
			t.Errorf("journal after: exit %d, done %v", after.Exit, after.Done)
		}
	})
}

// A part that changed nothing does not hide how the part before it ended, and counts
// nothing of it as its own.
func TestADeclinedResumeLeavesTheRunAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := build("a b", "one: a b", "two: a b").after("two", "one")
		f, dir := newFleet(), t.TempDir()
		f.trouble["two@a"] = "fail"
		apply(t, b, f, ExitFailed, func(o *Options) { o.Dir, o.ID = dir, "0123456789abcd" })
		before := readJournal(t, dir)
		again := func(o *Options) { o.Dir, o.ID, o.Done = dir, before.Run, before.Done }
		apply(t, b, f, ExitDeclined, again, func(o *Options) {
			o.Approve = func(context.Context, *Plan) (string, error) { return "", ErrDeclined }
		})
		if j := readJournal(t, dir); j.Exit != ExitFailed || !j.Approved {
			t.Errorf("declined: exit %d, approved %v", j.Exit, j.Approved)
		}
		delete(f.trouble, "two@a")
		sum, _ := apply(t, b, f, ExitOK, again)
		if sum.Changed != 1 || sum.OK != 3 || sum.Changes != 1 {
			t.Errorf("the last part: %+v", sum)
		}
		if j := readJournal(t, dir); j.Exit != ExitOK {
			t.Errorf("done: exit %d", j.Exit)
		}
	})
}

// A run that was cut off stays so until a part of it is approved.
func TestACutRunStaysCut(t *testing.T) {
	j, open := &Journal{Exit: -1, Done: map[string]event.State{}}, map[string]bool{}
	for _, c := range []struct {
		e    event.Event
		exit int
	}{
		{event.Event{Kind: event.RunStart}, -1}, {event.Event{Kind: event.Approved}, -1},
		{event.Event{Kind: event.RunStart}, -1}, {event.Event{Kind: event.RunSummary, Summary: &event.Summary{Exit: ExitDeclined}}, -1},
		{event.Event{Kind: event.RunStart}, -1}, {event.Event{Kind: event.Approved}, -1},
		{event.Event{Kind: event.RunSummary, Summary: &event.Summary{Exit: ExitFailed}}, ExitFailed},
		{event.Event{Kind: event.RunStart}, ExitFailed}, {event.Event{Kind: event.RunSummary, Summary: &event.Summary{Exit: ExitOK}}, ExitOK},
	} {
		if j.take(c.e, open); j.Exit != c.exit {
			t.Errorf("after %s: exit %d, want %d", c.e.Kind, j.Exit, c.exit)
		}
	}
}

func readJournal(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := ReadJournal(filepath.Join(dir, JournalFile))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// A run that is killed at any byte of its journal can be resumed, and nothing
// whose result is in the journal is done again.
func TestResumeFromAnyCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := build("a b", "one: a b", "two: a b").after("two", "one")
		full := t.TempDir()
		apply(t, b, newFleet(), ExitOK, func(o *Options) { o.Dir, o.ID = full, "0123456789abcd" })
		text, err := os.ReadFile(filepath.Join(full, JournalFile))
		if err != nil {
			t.Fatal(err)
		}
		for cut := 0; cut < len(text); cut += 97 {
			dir := t.TempDir()
			path := filepath.Join(dir, JournalFile)
			if err := os.WriteFile(path, text[:cut], 0o600); err != nil {
				t.Fatal(err)
			}
			before := readJournal(t, dir)
			f := newFleet()
			apply(t, b, f, ExitOK, func(o *Options) { o.Dir, o.ID, o.Done = dir, "0123456789abcd", before.Done })
			for name := range before.Done {
				if slices.Contains(f.did, name) {
					t.Errorf("cut at %d: %s was done again", cut, name)
				}
			}
			if len(f.did)+len(before.Done) != 4 {
				t.Errorf("cut at %d: done before %v, then %v", cut, before.Done, f.did)
			}
			if after := readJournal(t, dir); len(after.Done) != 4 || after.Exit != ExitOK {
				t.Errorf("cut at %d: afterwards %+v", cut, after)
			}
		}
	})
}

func TestIntentComesBeforeTheStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f, dir := build("a", "one: a"), newFleet(), t.TempDir()
		f.onDo = func(name string) {
			if j := readJournal(t, dir); !slices.Equal(j.Started, []string{"one@a"}) {
				t.Errorf("the node works, the journal knows of %v", j.Started)
			}
		}
		apply(t, b, f, ExitOK, func(o *Options) { o.Dir = dir })
	})
}

func TestRunIDsSortByTime(t *testing.T) {
	base := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	last := ""
	for i := range 1000 {
		id := NewID(base.Add(time.Duration(i) * 5 * time.Millisecond))
		if !ValidID(id) || id <= last {
			t.Fatalf("%q after %q", id, last)
		}
		last = id
	}
	for _, bad := range []string{"", "..", "../../etc/passwd", "0123456789ABCD", "0123456789abcdefgh"} {
		if ValidID(bad) {
			t.Errorf("%q is a valid id", bad)
		}
	}
}

// TestIsSaved: only what does not exist is no plan without an error.
func TestIsSaved(t *testing.T) {
	dir := t.TempDir()
	loop, plan, short := filepath.Join(dir, "loop"), filepath.Join(dir, "plan"), filepath.Join(dir, "short")
	if err := errors.Join(os.Symlink(loop, loop), os.WriteFile(plan, []byte(savedMagic+"x"), 0o600), os.WriteFile(short, []byte("mus"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct{ is, fails bool }{
		loop: {false, true}, plan: {true, false}, short: {false, false}, dir: {false, false}, filepath.Join(dir, "none"): {false, false},
	} {
		if is, err := IsSaved(path); is != want.is || (err != nil) != want.fails {
			t.Errorf("%s: %v, %v", path, is, err)
		}
	}
}
