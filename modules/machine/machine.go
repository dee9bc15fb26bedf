// Package machine holds the tables that a node is made of, the copy-on-write
// view that a plan runs on, and the tee that makes an apply report the plan's
// own list of changes. See ARCHITECTURE.md for the rules it keeps.
package machine

import (
	"context"
	"strings"
	"time"
)

// Ref names one thing on a node: a table and a key in it, such as
// {"file", "/etc/hosts"} or {"unit", "slurmd.service"}.
type Ref struct {
	Table string `cbor:"t"`
	Key   string `cbor:"k"`
}

// String gives table[key].
func (r Ref) String() string { return r.Table + "[" + r.Key + "]" }

// Item is one wanted state.
type Item struct {
	Ref  Ref
	Want State
	// How says how to write it where there is a choice; it is never compared. The
	// unit table knows HowReload, HowReady and HowReexec, the user and group tables
	// HowSystem.
	How map[string]string
}

// HowSystem is "true" for a user or group that, when it is made, gets its number
// from the range of system accounts.
const HowSystem = "system"

// Machine is what a module works on. It is the same code on the real node, on
// the copy-on-write view of a plan and on a memory machine.
type Machine interface {
	// Read returns the state of a key with at least the asked fields; nil for a
	// key that does not exist. No fields asked means all that are cheap (a file
	// without its content). An error is about the reading itself.
	Read(ctx context.Context, ref Ref, fields ...string) (State, error)
	// Set makes the items so, in their order, writing only what differs. Items of
	// one table are given to it together where it can take many at once.
	Set(ctx context.Context, items ...Item) error
	// Query runs a program that only reads. It also runs in a plan, unless one of
	// its inputs would be changed there: then every field of the result is unknown.
	Query(ctx context.Context, q Query) (Result, error)
	// Run runs a program that changes something. A plan only records it.
	Run(ctx context.Context, r Run) (Result, error)
	// Digest is the digest by which contents are compared in unit inputs.
	Digest(content string) string
	// Facts are the node's facts as read when the agent started.
	Facts() Facts
}

// Bringer is a Machine that can say what a package has brought that was planned to be
// installed: the plan has taken it for missing.
type Bringer interface {
	// Brought is the state of a key that Read has given as nil; nil as well where no
	// package can have brought it, or none has.
	Brought(ctx context.Context, ref Ref, fields ...string) (State, error)
}

// Query is a program that only reads.
type Query struct {
	Argv []string
	// Reads are the things whose change could change the answer.
	Reads []Ref
	// OK lists exit codes that are answers, beside 0.
	OK      []int
	Timeout time.Duration // 0: 30 s
	Stdin   []byte
	// Secret says that the answer holds secrets: it is never stored.
	Secret bool
}

// Key identifies a query in a base: its argv and input.
func (q Query) Key() string { return strings.Join(q.Argv, "\x00") + "\x00\x00" + string(q.Stdin) }

// Run is a program that changes something.
type Run struct {
	// Name is the key of the change, unique in its step; argv when empty.
	Name string
	Argv []string
	// Env are additional KEY=VALUE pairs. They may not hold secrets.
	Env   []string
	Stdin []byte
	// Writes are the things that may be different afterwards: what reads them is
	// unknown in the rest of a plan.
	Writes  []Ref
	OK      []int
	Timeout time.Duration // 0: 30 min
	// Long runs in a transient systemd unit, so that it outlives the agent.
	Long bool
	// Opaque marks a run that is not expected to converge (command with always).
	Opaque bool
}

// Result is what a program answered. Unknown is set in a plan.
type Result struct {
	Unknown bool   `cbor:"u,omitempty"`
	Why     string `cbor:"w,omitempty"`
	Exit    int    `cbor:"e,omitempty"`
	Stdout  string `cbor:"o,omitempty"`
	Stderr  string `cbor:"r,omitempty"`
}

// Store is the bottom of a machine: tables to read and write and programs to
// run. The real node and the memory machine are stores; Live and View turn one
// into a Machine.
type Store interface {
	// Get reads a key. via is the machine on whose behalf it reads: a table that
	// is made of other things (database rows read by a program) reads them
	// through via, so that what would change there makes the answer unknown.
	Get(ctx context.Context, via Machine, ref Ref, fields []string) (State, error)
	// Put writes items of one table. was holds the states they were compared with.
	Put(ctx context.Context, table string, items []Item, was []State) error
	// Exec runs a program; reading says that it was declared as a Query.
	Exec(ctx context.Context, r Run, reading bool) (Result, error)
	// Digest is the digest by which contents are compared in unit inputs and
	// shown for secrets: keyed with a key that the node keeps for itself.
	Digest(content string) string
	Facts() Facts
}

// Table is a kind of thing that a module brings along. The tables of the
// operating system belong to the store; these are built on a Machine alone, so
// that plan, apply and memory treat them alike.
type Table interface {
	Name() string
	// Read gives the state of a key by reading and querying m.
	Read(ctx context.Context, m Machine, key string, fields []string) (State, error)
	// Write makes it so. run executes programs on the node.
	Write(ctx context.Context, run Runner, key string, was, want State) error
}

// Runner executes a program on a node, for a Table's Write.
type Runner func(ctx context.Context, r Run) (Result, error)
