package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"muster/playbooks/event"
	"muster/playbooks/run"
	"muster/transport/wire"
)

// maxStderr is how many lines of a program's stderr a failure shows.
const maxStderr = 10

// Report gathers the events of an apply and ends it with what failed, why, what
// was done, and how to go on.
type Report struct {
	paint   Paint
	failed  []*failure
	byText  map[string]*failure
	touched map[string]bool // hosts with a finished vertex
	sum     event.Summary
}

// failure is one cause on one or more hosts.
type failure struct {
	step, pos string
	hosts     []string
	f         wire.Failure
}

// NewReport makes an empty report.
func NewReport(p Paint) *Report {
	return &Report{paint: p, byText: map[string]*failure{}, touched: map[string]bool{}}
}

// Emit implements event.Sink; the caller serialises.
func (r *Report) Emit(e event.Event) {
	switch {
	case e.Kind == event.RunSummary:
		r.sum = *e.Summary
	case e.Kind != event.StepResult && e.Kind != event.PlanStep:
	case e.Failure != nil:
		r.take(e)
	case e.State == event.OK || e.State == event.Changed:
		r.touched[e.Host] = true
	}
}

func (r *Report) take(e event.Event) {
	key := e.Step + "\x00" + strings.ReplaceAll(failureLine(e.Failure), e.Host, "")
	f := r.byText[key]
	if f == nil {
		f = &failure{step: e.Step, pos: e.Pos, f: *e.Failure}
		r.byText[key] = f
		r.failed = append(r.failed, f)
	}
	if !slices.Contains(f.hosts, e.Host) { // planned and applied: told twice
		f.hosts = append(f.hosts, e.Host)
	}
}

// Exit is the exit code of the run, 0 until it has ended.
func (r *Report) Exit() int { return r.sum.Exit }

// Write shows the report.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.failed {
		r.failure(&b, f)
	}
	s := r.sum
	title := "Done:"
	if s.Exit == run.ExitInterrupted || s.Exit == run.ExitFault {
		title = "Stopped:"
	}
	fmt.Fprintf(&b, "%s %s changed, %s already so", r.paint.bold.Render(title),
		count(s.Changed, "step", "steps"), count(s.OK, "step", "steps"))
	fmt.Fprintf(&b, " (%s", count(s.Changes, "change", "changes"))
	if s.Repairs > 0 {
		fmt.Fprintf(&b, ", %d repaired", s.Repairs)
	}
	if s.Opaque > 0 {
		fmt.Fprintf(&b, ", %s", count(s.Opaque, "command that always runs", "commands that always run"))
	}
	fmt.Fprintf(&b, ") in %s.\n", millis(s.Millis))
	switch {
	case s.Failed > 0:
		fmt.Fprintf(&b, "%s %d failed, %s not started because of it.\n", r.paint.red.Render("Not done:"), s.Failed, count(s.Held, "step", "steps"))
	case s.Held > 0:
		fmt.Fprintf(&b, "%s %s not started.\n", r.paint.red.Render("Not done:"), count(s.Held, "step", "steps"))
	}
	if len(s.Unreachable) > 0 {
		fmt.Fprintf(&b, "%s %s\n", r.paint.red.Render("Unreachable:"), nodes(s.Unreachable))
	}
	if s.Resume != "" {
		fmt.Fprintf(&b, "Go on with: %s\n", s.Resume)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) failure(b *strings.Builder, f *failure) {
	slices.Sort(f.hosts)
	where := Line(f.step) + "@" + Line(f.hosts[0])
	if len(f.hosts) > 1 {
		where = Line(f.step) + " on " + nodes(f.hosts)
	}
	fmt.Fprintf(b, "\n%s %s  %s\n", r.paint.red.Render("FAILED"), r.paint.bold.Render(where), r.paint.dim.Render(Line(f.pos)))
	fmt.Fprintf(b, "  %s\n", failureLine(&f.f))
	if len(f.f.Command) > 0 {
		fmt.Fprintf(b, "  command: %s (exit %d)\n", Line(strings.Join(f.f.Command, " ")), f.f.Exit)
	}
	lines := strings.Split(strings.TrimSpace(f.f.Stderr), "\n")
	for _, line := range lines[max(0, len(lines)-maxStderr):] {
		if line != "" {
			fmt.Fprintf(b, "  | %s\n", Line(line))
		}
	}
	if f.f.Hint != "" {
		fmt.Fprintf(b, "  hint: %s\n", Line(f.f.Hint))
	}
}

// failureLine is "object: cause" on one line.
func failureLine(f *wire.Failure) string {
	if f == nil {
		return ""
	}
	s := Line(f.Cause)
	if f.Object != "" && !strings.HasPrefix(f.Cause, f.Object+": ") {
		s = Line(f.Object) + ": " + s
	}
	return s
}
