package view

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/transport/wire"
)

// evil are things that nodes have been seen to say to terminals and readers.
var evil = []string{
	"\x1b[2J\x1b[H", "\x1b]52;c;ZXZpbA==\x07", "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "a\rb", "back\b\b\bspace",
	"\u009b31m", "\u202egpj.exe", "\u2066x\u2069", "zero\u200bwidth", "\ufeff", "bad\xff\xfeutf8", "nul\x00", "\x7f", "\U000e0041tag", "\u2028",
	"\x1bP+q\x1b\\", "\u0085next", "soft\u00adhyphen",
}

func harmless(t interface{ Fatalf(string, ...any) }, s string) {
	if !utf8.ValidString(s) {
		t.Fatalf("%q is not UTF-8", s)
	}
	for _, r := range s {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || hidden(r)) {
			t.Fatalf("%q reaches the terminal in %q", r, s)
		}
	}
}

func TestText(t *testing.T) {
	for _, s := range evil {
		harmless(t, Text(s))
		if Text(s) == s {
			t.Errorf("%q was left as it is", s)
		}
	}
	for _, s := range []string{"", "plain", "tab\tnew\nline", "Grüße 世界 — ü"} {
		if Text(s) != s {
			t.Errorf("%q became %q", s, Text(s))
		}
	}
	if got := Text("\x1b[31m\u202e\xff"); got != `\x1b[31m\u202e\xff` {
		t.Errorf("escapes: %s", got)
	}
	if got := Line("a\nb\tc"); got != `a\nb\tc` {
		t.Errorf("line: %s", got)
	}
	if got := Line(strings.Repeat("ü", 5000)); len(got) > maxLine+8 || !utf8.ValidString(got) {
		t.Errorf("long line: %d bytes", len(got))
	}
}

func TestTextOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		harmless(t, Text(s))
		if strings.ContainsAny(Line(s), "\n\t") {
			t.Fatalf("line %q has more than one", s)
		}
		if r := rapid.String().Draw(t, "string"); Text(Text(r)) != Text(r) {
			t.Fatalf("%q is not stable", r)
		}
	})
}

// Every renderer is fed with evil in every field that a node can fill.
func TestNoRendererLetsANodeThrough(t *testing.T) {
	for _, s := range evil {
		var out bytes.Buffer
		paint := NewPaint(&out)
		plan, lines, report := NewPlan(paint), NewLines(&out, paint), NewReport(paint)
		lines.Verbose = true
		f := &wire.Failure{Object: s, Cause: s, Command: []string{s}, Stderr: s, Hint: s}
		change := machine.Change{Table: "file", Key: s, Note: s, Was: machine.State{s: machine.Text(s), "content": machine.Text(s)},
			Want: machine.State{s: machine.Text("x" + s), "content": machine.Text("y" + s)}, Outcome: machine.Outcome(s)}
		for _, e := range []event.Event{
			{Kind: event.NodeState, Host: "h", State: event.Unreachable, Text: s},
			{Kind: event.PlanStep, Host: "h", Step: "x[y]", Pos: s, Changes: []machine.Change{change,
				{Table: "unit", Key: s, Note: "restart (" + s + ")", Want: machine.State{"running": machine.Unknown(s)}},
				{Table: "package", Key: s, Was: machine.State{"version": machine.Text("2")}, Want: machine.State{"version": machine.Text("1")}},
				{Table: "run", Key: s, Opaque: true, Want: machine.State{"argv": machine.Text(s)}}}},
			{Kind: event.PlanStep, Host: "h", Step: "x[z]", Failure: f},
			{Kind: event.PlanNote, Text: s},
			{Kind: event.PlanDone, Summary: &event.Summary{Hosts: 1, Changes: 3}},
			{Kind: event.StepStart, Host: "h", Step: "x[y]"},
			{Kind: event.StepOutput, Host: "h", Step: "x[y]", Text: s},
			{Kind: event.Warning, Host: "h", Text: s},
			{Kind: event.StepResult, Host: "h", Step: "x[y]", State: event.Failed, Failure: f},
			{Kind: event.RunSummary, Summary: &event.Summary{Failed: 1, Unreachable: []string{"h"}}},
		} {
			plan.Emit(e)
			lines.Emit(e)
			report.Emit(e)
		}
		if err := plan.Write(&out); err != nil {
			t.Fatal(err)
		}
		if err := report.Write(&out); err != nil {
			t.Fatal(err)
		}
		harmless(t, out.String())
	}
}

// TestJSONIsHarmlessToo: a stream of events may end on a terminal, and says the same
// to a program.
func TestJSONIsHarmlessToo(t *testing.T) {
	for _, s := range evil {
		var out bytes.Buffer
		NewJSON(&out).Emit(event.Event{Kind: event.StepOutput, Host: "h", Text: s})
		harmless(t, out.String())
		var e event.Event
		if err := json.Unmarshal(out.Bytes(), &e); err != nil || e.Text != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%q became %q, %v", s, e.Text, err)
		}
	}
}

func TestJSONAlwaysEndsWithASummary(t *testing.T) {
	var out bytes.Buffer
	j := NewJSON(&out)
	j.End(1, "the inventory is wrong")
	j.End(9, "again")
	j.Emit(event.Event{Kind: event.Warning})
	rows := strings.Split(strings.TrimSpace(out.String()), "\n")
	var kinds []event.Kind
	for i, row := range rows {
		var e event.Event
		if err := json.Unmarshal([]byte(row), &e); err != nil || e.Seq != uint64(i+1) || e.Version != event.Version {
			t.Fatalf("line %d: %v: %s", i, err, row)
		}
		kinds = append(kinds, e.Kind)
	}
	if len(kinds) != 3 || kinds[0] != event.KindVersion || kinds[2] != event.RunSummary {
		t.Errorf("kinds %v", kinds)
	}
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1.0-1", "1.0-2", -1}, {"1.0~rc1-1", "1.0-1", -1}, {"2:1.0", "1:9.9", 1}, {"1.10", "1.9", 1}, {"1.0", "1.0", 0},
		{"24.11.5-4", "24.11.5-4+b1", -1}, {"1.0a", "1.0", 1}, {"1.0-1", "1.0-1~bpo12+1", 1}, {"01.2", "1.2", 0},
	} {
		if got := compareVersions(c.a, c.b); got != c.want || compareVersions(c.b, c.a) != -c.want {
			t.Errorf("%s and %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
