// Package event is the one flat type that views, the journal and --json see.
package event

import (
	"time"

	"muster/modules/machine"
	"muster/transport/wire"
)

// Version is the version of the event format: the first line of a stream says it.
const Version = 1

// Kind is the type of an event. New kinds may come; readers ignore what they do
// not know.
type Kind string

// The kinds of events, in the order a run brings them.
const (
	KindVersion   Kind = "version"      // Text: format version and muster version
	RunStart      Kind = "run_start"    // Run, Text: command line
	NodeState     Kind = "node_state"   // Host, State: connecting, ready, lost, unreachable, locked, done
	PlanStep      Kind = "plan_step"    // Vertex, Changes or Failure: what a vertex would change
	PlanNote      Kind = "plan_note"    // Text: what a reviewer has to know (batches, ages, assumptions); Step, Host
	PlanDone      Kind = "plan_summary" // Summary so far
	Approved      Kind = "approved"     // Text: by whom ("--yes", "prompt")
	StepStart     Kind = "step_start"   // Vertex
	StepOutput    Kind = "step_output"  // Vertex, Text
	StepResult    Kind = "step_result"  // Vertex, State, Changes, Failure
	Warning       Kind = "warning"      // Text, Host
	Interrupt     Kind = "interrupt"    // Text
	RunSummary    Kind = "run_summary"  // always last: Summary
	DiagnosticMsg Kind = "diagnostic"   // Text: a configuration error
)

// State is how a vertex or a node ended or stands.
type State string

// States of vertices (ok, changed, failed, skipped, held, unreachable) and of
// nodes (connecting, ready, lost, unreachable, locked, done).
const (
	OK          State = "ok"      // nothing to change
	Changed     State = "changed" // did its changes
	Failed      State = "failed"
	Skipped     State = "skipped" // when is false
	Held        State = "held"    // not started: something it needs failed, or a budget is spent
	Unreachable State = "unreachable"
	Connecting  State = "connecting"
	Ready       State = "ready"
	Lost        State = "lost"
	Locked      State = "locked"
	Finished    State = "done"
)

// Event is one thing that happened. Unused fields are zero and left out of JSON.
type Event struct {
	Version int       `json:"v"`
	Seq     uint64    `json:"seq"` // from 1, without gaps
	Time    time.Time `json:"ts"`
	Kind    Kind      `json:"type"`
	Run     string    `json:"run,omitempty"`
	Host    string    `json:"host,omitempty"`
	// Step is slurm_node[compute]; with Host it names the vertex.
	Step  string `json:"step,omitempty"`
	Pos   string `json:"pos,omitempty"` // playbook file:line,column of the step
	State State  `json:"state,omitempty"`
	Text  string `json:"text,omitempty"`
	// Digest of the program, with run_start.
	Digest  string           `json:"digest,omitempty"`
	Changes []machine.Change `json:"changes,omitempty"`
	Failure *wire.Failure    `json:"failure,omitempty"`
	Millis  int64            `json:"ms,omitempty"`
	Summary *Summary         `json:"summary,omitempty"`
}

// Summary is the end of a run or plan.
type Summary struct {
	Exit int `json:"exit"` // the exit code, see docs
	// Plan is the short id of the plan's content.
	Plan        string   `json:"plan,omitempty"`
	Hosts       int      `json:"hosts"`
	Vertices    int      `json:"vertices"`
	OK          int      `json:"ok"`
	Changed     int      `json:"changed"`
	Failed      int      `json:"failed"`
	Skipped     int      `json:"skipped"`
	Held        int      `json:"held"`
	Changes     int      `json:"changes"` // planned (plan) or reported (apply)
	Repairs     int      `json:"repairs"`
	Opaque      int      `json:"opaque"`
	Unknown     int      `json:"unknown"` // changes with an unknown value
	Unreachable []string `json:"unreachable,omitempty"`
	Resume      string   `json:"resume,omitempty"` // the command that goes on
	Millis      int64    `json:"ms"`
}

// Sink takes events. Emit stamps nothing: the run does.
type Sink interface{ Emit(Event) }

// Sinks hands every event to all of them, in order.
type Sinks []Sink

// Emit implements Sink.
func (s Sinks) Emit(e Event) {
	for _, x := range s {
		x.Emit(e)
	}
}

// Func is a function as a Sink.
type Func func(Event)

// Emit implements Sink.
func (f Func) Emit(e Event) { f(e) }

// Name is the vertex of the event, slurm_node[compute]@dgx07, or "".
func (e Event) Name() string {
	if e.Step == "" || e.Host == "" {
		return ""
	}
	return e.Step + "@" + e.Host
}
