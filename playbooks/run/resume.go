package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"muster/playbooks/event"
)

// Journal is what is left of an earlier run.
type Journal struct {
	Run    string
	Digest string // of its program
	Events []event.Event
	// Approved says that the operator had agreed to the plan.
	Approved bool
	// Started are vertices with an intent and no result: their outcome is unknown.
	Started []string
	// Done are the vertices that need not be done again.
	Done map[string]event.State
	// Exit is the exit code of the last part that changed something or found
	// everything done, -1 when it did not end by itself. A part that was declined, or
	// stopped before it was approved, leaves the run as it was.
	Exit int

	agreed bool // the part that is being read was approved
}

// maxLine is the longest line of a journal: a step's changes are bounded by a
// frame of 1 MiB, and JSON may write six characters for one.
const maxLine = 16 << 20

// ReadJournal reads the journal of a run. A last line that was cut is not an
// error: what it said is unknown.
func ReadJournal(path string) (*Journal, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	defer f.Close()
	return parseJournal(f)
}

func parseJournal(r io.Reader) (*Journal, error) {
	j := &Journal{Done: map[string]event.State{}, Exit: -1}
	in := bufio.NewReader(r)
	open := map[string]bool{}
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if e, ok := parseLine(line); ok {
			j.take(e, open)
		}
		if err != nil {
			break
		}
	}
	for _, e := range j.Events {
		if e.Kind == event.StepStart && open[e.Name()] {
			j.Started = append(j.Started, e.Name())
			delete(open, e.Name())
		}
	}
	return j, nil
}

// parseLine ignores what is not a whole event: a cut line stays in the middle of
// a journal when the run was resumed after it.
func parseLine(line []byte) (event.Event, bool) {
	var e event.Event
	line = bytes.TrimSpace(line)
	if len(line) == 0 || len(line) > maxLine || json.Unmarshal(line, &e) != nil {
		return event.Event{}, false
	}
	return e, whole(e)
}

// whole says that an event has what its kind always has: the readers of events
// rely on it, and a file may hold anything.
func whole(e event.Event) bool {
	switch e.Kind {
	case "":
		return false
	case event.PlanDone, event.RunSummary:
		return e.Summary != nil
	case event.PlanStep, event.StepStart, event.StepResult:
		return e.Name() != ""
	}
	return true
}

func (j *Journal) take(e event.Event, open map[string]bool) {
	j.Events = append(j.Events, e)
	switch e.Kind {
	case event.RunStart:
		j.Run, j.Digest, j.agreed = e.Run, e.Digest, false
	case event.Approved:
		j.Approved, j.agreed, j.Exit = true, true, -1
	case event.StepStart:
		open[e.Name()] = true
	case event.StepResult:
		delete(open, e.Name())
		if done(e.State) {
			j.Done[e.Name()] = e.State
		}
	case event.RunSummary:
		if j.agreed || !j.Approved || e.Summary.Exit == ExitOK {
			j.Exit = e.Summary.Exit
		}
	}
}
