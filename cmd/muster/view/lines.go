package view

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/playbooks/event"
	"muster/playbooks/run"
)

// Lines writes one line per state change.
type Lines struct {
	// Verbose adds the start of steps, their output and what nodes do.
	Verbose bool
	// Reconnect is how long a lost node is waited for.
	Reconnect time.Duration

	mu      sync.Mutex
	w       io.Writer
	paint   Paint
	running map[string]time.Time // since when, by vertex
	said    map[string]string    // the last line of output, by vertex
	lost    map[string]time.Time // since when, by host
}

// NewLines writes to w, for a run with the usual Reconnect.
func NewLines(w io.Writer, p Paint) *Lines {
	return &Lines{Reconnect: run.DefaultReconnect, w: w, paint: p, running: map[string]time.Time{}, said: map[string]string{}, lost: map[string]time.Time{}}
}

// Emit implements event.Sink.
func (l *Lines) Emit(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case event.StepStart:
		l.running[e.Name()] = e.Time
		if l.Verbose {
			l.line("start", e.Name(), "")
		}
	case event.StepResult:
		delete(l.running, e.Name())
		delete(l.said, e.Name())
		l.result(e)
	case event.StepOutput:
		l.output(e)
	case event.NodeState:
		l.node(e)
	case event.Warning:
		l.line(l.paint.yellow.Render("warning"), place(e), block(e.Text))
	case event.Interrupt:
		l.line(l.paint.yellow.Render("stop"), "", Line(e.Text))
	}
}

func (l *Lines) result(e event.Event) {
	text := fmt.Sprintf("%s, %s", count(len(e.Changes), "change", "changes"), millis(e.Millis))
	switch e.State {
	case event.Changed:
		l.line(l.paint.green.Render("changed"), e.Name(), text)
	case event.OK:
		l.line("ok", e.Name(), "")
	case event.Failed, event.Unreachable:
		l.line(l.paint.red.Render(string(e.State)), e.Name(), failureLine(e.Failure))
	default: // held: counted in the report
		if l.Verbose {
			l.line(string(e.State), e.Name(), Line(e.Text))
		}
	}
}

func (l *Lines) output(e event.Event) {
	text := strings.TrimSuffix(e.Text, "\n")
	l.said[e.Name()] = text[strings.LastIndexByte(text, '\n')+1:]
	if !l.Verbose {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		l.line("output", e.Name(), l.paint.dim.Render("| "+Line(line)))
	}
}

func (l *Lines) node(e event.Event) {
	delete(l.lost, e.Host)
	if e.State == event.Lost {
		l.lost[e.Host] = e.Time
	}
	e.Text = strings.TrimPrefix(e.Text, e.Host+": ") // the line names it already
	switch e.State {
	case event.Lost, event.Unreachable, event.Locked, event.Failed:
		l.line(l.paint.red.Render(string(e.State)), e.Host, Line(e.Text))
	case event.Ready:
		if e.Text != "" || l.Verbose {
			l.line("ready", e.Host, Line(e.Text))
		}
	default:
		if l.Verbose {
			l.line(string(e.State), e.Host, Line(e.Text))
		}
	}
}

// block is a text of several lines, each of them bounded: a node may have a say in it.
func block(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Line(line)
	}
	return strings.Join(lines, "\n  ")
}

func place(e event.Event) string {
	if name := e.Name(); name != "" {
		return name
	}
	return e.Host + e.Step
}

func (l *Lines) line(what, where, text string) {
	s := what
	for _, part := range []string{Line(where), text} {
		if part != "" {
			s += "  " + part
		}
	}
	_, _ = fmt.Fprintln(l.w, s) // a closed screen does not stop a run
}

// Beat says what has been running for longer than 30 s, and which nodes are waited
// for: call it as often.
func (l *Lines) Beat(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, host := range slices.Sorted(maps.Keys(l.lost)) {
		left := max(0, l.Reconnect-now.Sub(l.lost[host]))
		l.line("waiting", host, "is gone, giving up in "+left.Round(time.Second).String())
	}
	for _, name := range slices.Sorted(maps.Keys(l.running)) {
		if _, gone := l.lost[name[strings.LastIndexByte(name, '@')+1:]]; gone {
			continue
		}
		if d := now.Sub(l.running[name]); d >= 30*time.Second {
			text := "for " + d.Round(time.Second).String()
			if said := l.said[name]; said != "" {
				text += ", says: " + Line(said)
			}
			l.line("running", name, text)
		}
	}
}
