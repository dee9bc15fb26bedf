// Package wire is what controller and agent say to each other: length-prefixed
// CBOR frames with hard caps, on the stdin and stdout of one SSH session.
package wire

import "muster/modules/machine"

// Protocol is the version of the messages. The agent is addressed by the digest
// of its binary, so both ends always have the same one; it is a second check.
const Protocol = 1

// Mode is what an agent may do, fixed when it starts.
type Mode string

// The modes of an agent. Plan holds the node's lock shared and never leaves the
// read-only namespace; Apply holds it exclusively from the start.
const (
	Plan  Mode = "plan"
	Apply Mode = "apply"
	// Facts only says hello.
	Facts Mode = "facts"
)

// Message is one frame's content.
type Message interface{ frame() Type }

// Type is the first byte of a frame.
type Type byte

// Hello is the agent's first message; it comes unprompted.
type Hello struct {
	Protocol int           `cbor:"v"`
	Agent    string        `cbor:"agent"` // SHA-256 of the running binary, hex
	PID      int           `cbor:"pid"`
	Facts    machine.Facts `cbor:"facts"`
	// Holder is set when the lock could not be had: the agent says hello and exits.
	Holder *Holder `cbor:"holder,omitempty"`
	// Resumed says that a base of this run was found on the node.
	Resumed bool `cbor:"resumed,omitempty"`
	// Adopted are transient units of this run that are still running.
	Adopted []string `cbor:"adopted,omitempty"`
}

// Holder is who holds a node's lock.
type Holder struct {
	Run   string `cbor:"run" json:"run"`
	Who   string `cbor:"who" json:"who"`     // user@host of the controller
	Since int64  `cbor:"since" json:"since"` // Unix seconds, node's clock
	Mode  Mode   `cbor:"mode" json:"mode"`
}

// Vertex is one step of this host.
type Vertex struct {
	ID     uint32 `cbor:"i"`
	Name   string `cbor:"n"` // slurm_node[compute]
	Module string `cbor:"m"`
	Config []byte `cbor:"c"`
	// TimeoutMS is the hard limit of the step, 0 for the default of 30 minutes.
	TimeoutMS int64 `cbor:"t,omitempty"`
	// Waits says that something on other hosts may hold the step up.
	Waits bool `cbor:"w,omitempty"`
}

// Steps gives the agent all steps of its host in the order they will run. It
// may be split over several frames; More says that another follows. The agent
// answers with Base. A second Steps replaces configurations by ID (secrets that
// were made after the approval) and is not answered.
type Steps struct {
	Vertices []Vertex `cbor:"v"`
	More     bool     `cbor:"more,omitempty"`
	// Replace marks the second kind.
	Replace bool `cbor:"replace,omitempty"`
}

// VertexPlan is what a step would change.
type VertexPlan struct {
	ID      uint32           `cbor:"i"`
	Changes []machine.Change `cbor:"c,omitempty"`
	Failure *Failure         `cbor:"f,omitempty"`
}

// Base is the plan of the host: the answer to Steps, split like it.
type Base struct {
	Plans []VertexPlan `cbor:"p"`
	More  bool         `cbor:"more,omitempty"`
}

// Begin tells an apply agent that the plan is approved: it saves its base before
// the first write. It is answered by Begun.
type Begin struct{}

// Begun answers Begin.
type Begun struct {
	Failure *Failure `cbor:"f,omitempty"`
}

// Do runs one step. It is answered by any number of Output and one Done.
type Do struct {
	ID uint32 `cbor:"i"`
}

// Done is the end of a step.
type Done struct {
	ID uint32 `cbor:"i"`
	// Changes is the list as reported, with outcomes; repairs are in it with
	// Outcome Repair.
	Changes []machine.Change `cbor:"c,omitempty"`
	Failure *Failure         `cbor:"f,omitempty"`
	// Millis is how long the step took on the node.
	Millis int64 `cbor:"ms,omitempty"`
	// More says that a further Done of the same ID carries the rest.
	More bool `cbor:"more,omitempty"`
}

// Output is a piece of what a running program prints.
type Output struct {
	ID   uint32 `cbor:"i"`
	Text string `cbor:"t"`
}

// Ping asks for a Pong, which also proves life on both sides.
type Ping struct {
	Seq uint64 `cbor:"s"`
}

// Pong answers Ping.
type Pong struct {
	Seq uint64 `cbor:"s"`
	// Busy is the step in progress, 0 for none.
	Busy uint32 `cbor:"b,omitempty"`
}

// Bye ends the conversation: the agent finishes the step in flight and exits.
type Bye struct {
	// Forget removes the base of this run from the node: it is complete.
	Forget bool `cbor:"forget,omitempty"`
}

// Failure is why a step could not be planned or done.
type Failure struct {
	// Object and Cause read "unit[slurmd]: start: no such file".
	Object string `cbor:"o,omitempty" json:"object,omitempty"`
	Cause  string `cbor:"c" json:"cause"`
	// Command is the program that failed, with its exit code and the end of stderr.
	Command []string `cbor:"cmd,omitempty" json:"command,omitempty"`
	Exit    int      `cbor:"e,omitempty" json:"exit,omitempty"`
	Stderr  string   `cbor:"s,omitempty" json:"stderr,omitempty"`
	Hint    string   `cbor:"h,omitempty" json:"hint,omitempty"`
	// Kind is "", "deviation" (the node was not as planned), "diverged" (the step
	// ran and something was left), "timeout" or "bug" (a panic; Stderr has the stack).
	Kind string `cbor:"k,omitempty" json:"kind,omitempty"`
}

func (Hello) frame() Type  { return 1 }
func (Steps) frame() Type  { return 2 }
func (Base) frame() Type   { return 3 }
func (Begin) frame() Type  { return 4 }
func (Begun) frame() Type  { return 5 }
func (Do) frame() Type     { return 6 }
func (Done) frame() Type   { return 7 }
func (Output) frame() Type { return 8 }
func (Ping) frame() Type   { return 9 }
func (Pong) frame() Type   { return 10 }
func (Bye) frame() Type    { return 11 }
