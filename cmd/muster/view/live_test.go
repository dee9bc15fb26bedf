package view

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"muster/playbooks/event"
)

var up = regexp.MustCompile(`^\x1b\[(\d+)A\x1b\[J`)

// screenOf plays what was written on a terminal that is high enough.
func screenOf(t *testing.T, out string) []string {
	t.Helper()
	rows := []string{""}
	for out != "" {
		if m := up.FindStringSubmatch(out); m != nil {
			n, _ := strconv.Atoi(m[1])
			rows = append(rows[:len(rows)-1-n], "")
			out = out[len(m[0]):]
			continue
		}
		line, rest, found := strings.Cut(out, "\n")
		if i := strings.IndexByte(line, '\x1b'); i >= 0 {
			t.Fatalf("escape in the middle of a row: %q", line)
		}
		rows[len(rows)-1] += line
		if found {
			rows = append(rows, "")
		}
		out = rest
	}
	return rows
}

func TestLiveStaysInItsBlock(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	l := NewLive(&out, NewPaint(&out), func() int { return 60 })
	l.now = func() time.Time { return now.Add(5 * time.Second) }
	lines := NewLines(l, NewPaint(&out))
	emit := func(e event.Event) { e.Time = now; lines.Emit(e); l.Emit(e) }
	emit(event.Event{Kind: event.RunStart})
	for i := range 256 {
		emit(event.Event{Kind: event.NodeState, Host: fmt.Sprintf("dgx%03d", i), State: event.Ready})
	}
	emit(event.Event{Kind: event.PlanDone, Summary: &event.Summary{Changed: 2560}})
	emit(event.Event{Kind: event.Approved})
	for s := range 10 {
		for i := range 256 {
			emit(event.Event{Kind: event.StepStart, Host: fmt.Sprintf("dgx%03d", i), Step: fmt.Sprintf("file[%d]", s)})
		}
	}
	l.Draw()
	emit(event.Event{Kind: event.StepResult, Host: "dgx007", Step: "file[3]", State: event.Changed})
	l.Draw()
	l.Draw()
	rows := screenOf(t, out.String())
	if len(rows) != liveRows+2 || !strings.HasPrefix(rows[0], "changed  file[3]@dgx007") || !strings.Contains(rows[1], "1 of 2560 steps changed") {
		t.Fatalf("screen:\n%s", strings.Join(rows, "\n"))
	}
	if !strings.Contains(rows[2], "5s  file[0] on 256 nodes dgx[000-255]") || !strings.Contains(rows[6], "and 6 more steps") {
		t.Errorf("block:\n%s", strings.Join(rows, "\n"))
	}
	for _, row := range rows[1:] {
		if utf8.RuneCountInString(row) >= 60 {
			t.Errorf("row wraps: %q", row)
		}
	}
	emit(event.Event{Kind: event.RunSummary, Summary: &event.Summary{}})
	l.Stop()
	if rows := screenOf(t, out.String()); len(rows) != 2 || rows[1] != "" {
		t.Errorf("the block stays behind:\n%s", strings.Join(rows, "\n"))
	}
}
