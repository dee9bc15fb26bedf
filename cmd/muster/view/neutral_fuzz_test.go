package view

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"muster/playbooks/event"
	"muster/transport/wire"
)

// FuzzText: what comes out of the neutraliser is UTF-8 without anything that a
// terminal obeys or hides, is the same when it goes through once more, and is at most
// four times as long, which is what an escape needs.
func FuzzText(f *testing.F) {
	for _, s := range evil {
		f.Add([]byte(s))
		f.Add([]byte("before " + s + " after\n\t" + s))
	}
	for _, s := range []string{"", "\n", "Grüße 世界 — ü", "\x1b[1;1H\x1b]0;title\a", "\x90q\x9c", "\xc2\x9b31m", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\ufffd",
		"e\u0301\u034f", "\U000e0100", "\U0010ffff", strings.Repeat("\x1b", 5000), strings.Repeat("\u202e", 3000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := string(b)
		text, line := Text(s), Line(s)
		harmless(t, text)
		harmless(t, line)
		if len(text) > 4*len(s) || len(line) > 4*maxLine+8 {
			t.Errorf("%d bytes became %d, as a line %d", len(s), len(text), len(line))
		}
		if Text(text) != text || strings.ContainsAny(line, "\n\t") {
			t.Errorf("%q is not stable, or %q no line", text, line)
		}
	})
}

// FuzzRenderers: a failure with these words in every field goes through all views.
func FuzzRenderers(f *testing.F) {
	for _, s := range evil {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var out, events bytes.Buffer
		s, paint := string(b), NewPaint(&out)
		lines, report, stream := NewLines(&out, paint), NewReport(paint), NewJSON(&events)
		lines.Verbose = true
		failure := &wire.Failure{Object: s, Cause: s, Command: []string{s}, Stderr: s, Hint: s}
		for _, e := range []event.Event{
			{Kind: event.NodeState, Host: "h", State: event.Failed, Text: s},
			{Kind: event.StepOutput, Host: "h", Step: "x[y]", Text: s},
			{Kind: event.Warning, Host: "h", Text: s},
			{Kind: event.StepResult, Host: "h", Step: "x[y]", State: event.Failed, Failure: failure},
			{Kind: event.RunSummary, Summary: &event.Summary{Failed: 1}},
		} {
			lines.Emit(e)
			report.Emit(e)
			stream.Emit(e)
		}
		if err := report.Write(&out); err != nil {
			t.Fatal(err)
		}
		harmless(t, out.String())
		harmless(t, events.String())
		for line := range strings.Lines(events.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%q is no JSON", line)
			}
		}
	})
}

// TestLongWarning: a warning that repeats a node's words is cut like every line.
func TestLongWarning(t *testing.T) {
	var out bytes.Buffer
	NewLines(&out, NewPaint(&out)).Emit(event.Event{Kind: event.Warning, Host: "h", Text: strings.Repeat("é", 1<<20) + "\nsecond"})
	if out.Len() > 2*maxLine || !strings.Contains(out.String(), "\n  second") || !utf8.Valid(out.Bytes()) {
		t.Errorf("%d bytes", out.Len())
	}
}
