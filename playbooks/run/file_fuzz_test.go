package run

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"muster/modules/machine"
	"muster/playbooks/event"
)

var update = flag.Bool("update", false, "rewrite the recorded journal")

// recorded is the journal of a run with a failure and of the part that went on.
func recorded(t *testing.T) (text []byte) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, f, dir := build("a b", "one: a b", "two: a b").after("two", "one"), newFleet(), t.TempDir()
		f.trouble["two@a"] = "fail"
		apply(t, b, f, ExitFailed, func(o *Options) { o.Dir, o.ID = dir, "0123456789abcd" })
		delete(f.trouble, "two@a")
		before := readJournal(t, dir)
		apply(t, b, f, ExitOK, func(o *Options) { o.Dir, o.ID, o.Done = dir, before.Run, before.Done })
		var err error
		if text, err = os.ReadFile(filepath.Join(dir, JournalFile)); err != nil {
			t.Fatal(err)
		}
	})
	return text
}

// TestJournalSeed keeps the fuzzer's main seed a journal that this muster writes.
func TestJournalSeed(t *testing.T) {
	file := filepath.Join("testdata", "journal.jsonl")
	if *update {
		if err := os.WriteFile(file, recorded(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was, err := parseJournal(bytes.NewReader(text))
	now, err2 := parseJournal(bytes.NewReader(recorded(t)))
	if err != nil || err2 != nil || len(was.Events) != len(now.Events) || len(was.Done) != 4 || len(now.Done) != 4 || was.Exit != ExitOK {
		t.Errorf("the file has %d events and %d ends, a run writes %d and %d (%v, %v): run with -update",
			len(was.Events), len(was.Done), len(now.Events), len(now.Done), err, err2)
	}
}

// saysDone reads a line by other means than the journal's reader: the vertex that
// it says has ended well, or "".
func saysDone(line []byte) string {
	var e struct{ Type, Host, Step, State string }
	if json.Unmarshal(line, &e) != nil || e.Type != "step_result" || e.Host == "" || e.Step == "" {
		return ""
	}
	if e.State == "ok" || e.State == "changed" || e.State == "skipped" {
		return e.Step + "@" + e.Host
	}
	return ""
}

// FuzzJournal: whatever stands in a journal, and wherever it is cut, the reader
// neither panics nor takes a step for done that no whole line says is; and what it
// read before the cut it reads also without the cut.
func FuzzJournal(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "journal.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, uint(len(text)))
	for cut := 0; cut < len(text); cut += len(text)/7 + 1 {
		f.Add(text, uint(cut))
	}
	for _, s := range []string{
		"", "\n\n\n", "\x00\x00\x00\x00", "null\n", "[]\n", "{}\n", `{"type":"run_summary"}` + "\n", `{"type":"plan_summary","summary":null}` + "\n",
		`{"type":"step_result","state":"ok"}` + "\n", `{"type":"step_result","host":"a","step":"x","state":"failed","State":"ok"}` + "\n",
		`{"type":"step_start","host":"a","step":"x"}` + "\n" + `{"type":"step_result","host":"a","step":"x","sta`,
		`{"type":"approved"}` + "\n" + `{"type":"run_summary","summary":{"exit":0}}` + "\r\n", strings.Repeat("[", 20000),
	} {
		f.Add([]byte(s), uint(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint) {
		whole, err := parseJournal(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err) // only reading can fail, and this is memory
		}
		said := map[string]bool{}
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			said[saysDone(line)] = true
		}
		for name, state := range whole.Done {
			if !said[name] || !done(state) {
				t.Errorf("%s counts as %s, and no line says so", name, state)
			}
		}
		for _, name := range whole.Started {
			if name == "" {
				t.Error("a step without a name was started")
			}
		}
		// A cut falls between writes of whole lines, or loses the last one.
		head := text[:min(cut, uint(len(text)))]
		head = head[:bytes.LastIndexByte(head, '\n')+1]
		part, err := parseJournal(bytes.NewReader(head))
		if err != nil || len(part.Events) > len(whole.Events) {
			t.Fatalf("%d of %d events, %v", len(part.Events), len(whole.Events), err)
		}
		for i, e := range part.Events {
			if e.Kind != whole.Events[i].Kind || e.Name() != whole.Events[i].Name() || e.Seq != whole.Events[i].Seq {
				t.Errorf("event %d is another one before the cut", i)
			}
		}
		for name := range part.Done {
			if whole.Done[name] == "" {
				t.Errorf("%s is done before the cut only", name)
			}
		}
	})
}

// savedSample is a plan with one of everything.
func savedSample() *Saved {
	change := machine.Change{Table: "file", Key: "/etc/\xff", Want: machine.State{"content": machine.Text("a\xfe"), "key": {S: "d", Secret: true}}}
	return &Saved{ID: "0a1b2c3d", Digest: "d1", Made: 1, Source: Source{Playbook: "x", Vars: map[string]string{"a": "b"}},
		Vertices: []SavedVertex{{Name: "file[a]@n1", Changes: []machine.Change{change}}}, Missing: map[string]string{"n2": "unreachable"},
		Events: []event.Event{{Kind: event.PlanStep, Host: "n1", Step: "file[a]", Changes: []machine.Change{change}},
			{Kind: event.PlanDone, Summary: &event.Summary{Changes: 1}}}}
}

// FuzzSavedPlan: a file that says of itself that it is a saved plan may hold
// anything; it is read, or refused, and what was read can be written.
func FuzzSavedPlan(f *testing.F) {
	path := filepath.Join(f.TempDir(), "plan")
	if err := savedSample().Write(path); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	body := bytes.TrimPrefix(text, []byte(savedMagic))
	f.Add(body)
	f.Add(body[:len(body)/2])
	f.Add([]byte{0xa1, 0x66, 'e', 'v', 'e', 'n', 't', 's', 0x81, 0xa0})                    // an event without a kind
	f.Add([]byte{0xa1, 0x68, 'v', 'e', 'r', 't', 'i', 'c', 'e', 's', 0x9a, 0xff, 0, 0, 0}) // four billion vertices, none there
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := parseSaved(body)
		if err != nil {
			return
		}
		for _, e := range s.Events {
			if !whole(e) {
				t.Errorf("an event that lacks something was let through: %+v", e)
			}
		}
		_ = (&runner{o: Options{Expect: s}, plan: &Plan{}}).stale()
		for _, v := range s.Vertices {
			_ = describe(v.Changes)
		}
	})
}

// TestLargeSavedPlan: a plan of 5,000 hosts with 40 changing steps each is read again.
func TestLargeSavedPlan(t *testing.T) {
	s := savedSample()
	s.Vertices = make([]SavedVertex, 200_000)
	s.Events = append(make([]event.Event, 0, 200_000), s.Events...)
	for len(s.Events) < 200_000 {
		s.Events = append(s.Events, event.Event{Kind: event.PlanStep, Host: "n1", Step: "file[a]"})
	}
	path := filepath.Join(t.TempDir(), "plan")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSaved(path)
	if err != nil || len(got.Vertices) != len(s.Vertices) || len(got.Events) != len(s.Events) {
		t.Errorf("%v", err)
	}
}

// TestInventedChanges: a node that reports 100,000 changes of its own neither holds
// up the run nor fills the screen.
func TestInventedChanges(t *testing.T) {
	many := func(prefix string) []machine.Change {
		out := make([]machine.Change, 100_000)
		for i := range out {
			out[i] = machine.Change{Table: "file", Key: prefix + string(rune('a'+i%26)) + strings.Repeat("x", i%40), Nth: i}
		}
		return out
	}
	start := time.Now()
	missing, invented := unreported(many("p"), many("r")), unplanned(many("p"), many("r"))
	if took := time.Since(start); took > 10*time.Second { // every one with every one takes minutes
		t.Errorf("took %s", took)
	}
	for _, list := range [][]string{missing, invented} {
		if len(list) != maxTold+1 || list[maxTold] != "and 99980 more" {
			t.Errorf("%d lines, the last one %q", len(list), list[len(list)-1])
		}
	}
}
