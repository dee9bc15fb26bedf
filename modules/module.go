// Package modules is the contract between muster and the things it can set up.
// A module is a value: what it is called, what it takes, and one function,
// Ensure, that asks a machine for states. The same function makes the plan (on a
// copy-on-write machine) and the apply.
package modules

import (
	"context"
	"fmt"

	"muster/modules/machine"
)

// Module describes one module. A package exports one as `var Module`, and
// modules/all lists it.
type Module struct {
	Name string // as written in a step: "slurm_node"
	Doc  string // one sentence, then paragraphs
	// Example is a step block that a playbook could hold.
	Example string
	// New returns a pointer to a configuration struct that holds the defaults.
	// Its fields carry `arg:"name[,required|,label|,block]"` and `doc:"..."` tags;
	// see SchemaOf for the types they may have.
	New func() Config
	// Tables are the module's own tables.
	Tables []machine.Table
	// Reads lists what the module's queries may run: each entry is the beginning
	// of an argv, program first. Query refuses anything else.
	Reads [][]string
	// OS lists the os-release IDs that it supports; empty means any Linux.
	OS []string
}

// Config is a decoded step: the arguments of one module.
type Config interface {
	// Ensure asks m for the states that make the step true. It never asks whether
	// it runs in a plan, and it never branches on an unknown value.
	Ensure(ctx context.Context, m machine.Machine) error
}

// Validator is a Config that can say more about its arguments than their types.
// Validate runs on the controller, before anything connects; the error names the
// argument through ArgError where it can.
type Validator interface{ Validate() error }

// ArgError is a complaint about one argument, or about an argument inside a
// block ("partition.nodes").
type ArgError struct {
	Arg    string
	Reason string
}

func (e *ArgError) Error() string { return e.Arg + ": " + e.Reason }

// BadArg makes an ArgError.
func BadArg(arg, format string, a ...any) error {
	return &ArgError{Arg: arg, Reason: fmt.Sprintf(format, a...)}
}

// Secret is an argument whose bytes must be in no output. Pending is set in a
// plan while a `generate` secret has not been made yet.
type Secret struct {
	Name    string `cbor:"n,omitempty"`
	Bytes   []byte `cbor:"b,omitempty"`
	Pending bool   `cbor:"p,omitempty"`
}

// Deriver is a Config that writes its secrets in other forms too, such as a hash:
// these are kept out of what a node says as the secrets themselves are.
type Deriver interface{ Derived() []string }

// IsZero reports whether the argument was not given.
func (s Secret) IsZero() bool { return !s.Pending && s.Bytes == nil }

// Value is the secret as a field of a state.
func (s Secret) Value() machine.Value {
	if s.Pending {
		return machine.Value{Unknown: true, Secret: true, Why: "generated at apply"}
	}
	return machine.Value{S: string(s.Bytes), Secret: true}
}

// String hides the bytes from every printer.
func (s Secret) String() string { return "(secret)" }

// GoString hides the bytes from %#v.
func (s Secret) GoString() string { return "(secret)" }

// Host is a host of the inventory as an argument (`hosts("pattern")`).
type Host struct {
	Name    string `cbor:"name"`
	Address string `cbor:"addr"`
	// Groups are all groups the host is in, sorted.
	Groups []string `cbor:"groups,omitempty"`
	// Vars are its scalar variables as text.
	Vars map[string]string `cbor:"vars,omitempty"`
	// Facts is nil while the host has never been reached.
	Facts *machine.Facts `cbor:"facts,omitempty"`
}
