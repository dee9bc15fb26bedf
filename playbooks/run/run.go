// Package run walks a compiled program: it connects to the nodes, lets their
// agents plan, shows that plan, and then applies it vertex by vertex. It keeps a
// journal, so that whatever stops it, the run can go on.
package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/playbooks/program"
	"muster/transport/wire"
)

// Conn is one conversation with an agent. It proves life by itself, cuts long
// messages and joins them again. Send and Recv return an error once the
// connection is lost, and one that wraps ErrHostile when the node has sent what
// no agent sends. Close makes both return.
type Conn interface {
	Hello() wire.Hello
	Send(ctx context.Context, m wire.Message) error
	Recv(ctx context.Context) (wire.Message, error)
	Close() error
}

// Dialer starts an agent on a host. Its errors name the stage that failed.
type Dialer interface {
	Dial(ctx context.Context, host string, mode wire.Mode, run string) (Conn, error)
}

// ErrHostile marks an error of a Conn after which the node is left alone.
var ErrHostile = errors.New("protocol violation")

// ErrDeclined is what Approve returns when the operator says no.
var ErrDeclined = errors.New("declined")

// Known are the facts of a host from an earlier run.
type Known struct {
	Facts machine.Facts
	At    time.Time
}

// Options say how a program is run. The zero value plans.
type Options struct {
	Mode wire.Mode // wire.Plan (also "") or wire.Apply
	ID   string    // run id; "" makes one
	// Resume is the command that goes on; the run id is appended. "" is
	// "muster resume".
	Resume string
	// Command is the command line as events show it; it holds no secrets.
	Command string
	// Dir is the folder of this run's journal; "" keeps none.
	Dir  string
	Sink event.Sink
	// Approve shows the plan and asks; it returns by whom it was approved, or
	// ErrDeclined. It is not called when there is nothing to do.
	Approve func(context.Context, *Plan) (string, error)
	// Recorded says that the Dialer answers with the facts of earlier runs.
	Recorded bool
	// Notes are told with the plan.
	Notes []string
	// OnPlan is given the complete plan of a run that only plans.
	OnPlan func(*Plan) error
	// Facts are those of earlier runs, by host name.
	Facts map[string]Known
	// OnFacts saves the facts that this run has read.
	OnFacts func(map[string]machine.Facts) error
	// Expect is a saved plan: anything else than it stops the run (ExitStale).
	Expect *Saved
	// ExpectID is the id that the plan must have, "" for any.
	ExpectID string
	// Done are vertices that an earlier part of this run has finished, by name.
	Done map[string]event.State
	// Interrupt, when closed, lets what runs finish and starts nothing more. A
	// cancelled context drops everything at once; the agents end by themselves.
	Interrupt <-chan struct{}
	// Parallel is how many hosts are worked on at once, 0 for all.
	Parallel int
	// DetailedExit makes a plan with changes end with ExitChanges.
	DetailedExit bool
	// Reconnect is how long a lost node is tried again, 0 for DefaultReconnect.
	Reconnect time.Duration
	// LockTimeout is how long to wait for nodes that another run holds.
	LockTimeout time.Duration
}

// Defaults and caps of a run.
const (
	// DefaultReconnect is how long a lost node is tried again.
	DefaultReconnect = 5 * time.Minute
	defaultTimeout   = 30 * time.Minute // of a step, as the agent has it
	// timeoutGrace is what the controller waits longer than the agent's own limit.
	timeoutGrace = time.Minute
	maxLosses    = 3       // reconnects within one step
	maxOutput    = 1 << 20 // bytes of output of one step that become events
	maxFrames    = 128     // parts of one plan or one step's end
	maxSkew      = time.Minute
	goodbye      = 5 * time.Second // for a message that nobody waits for
)

// Run plans or applies a program. The summary is also the last event. The error
// says why the run could not be carried through at all; failures of steps and
// nodes are in the summary.
func Run(ctx context.Context, prog *program.Program, d Dialer, o Options) (sum event.Summary, err error) {
	r, err := newRunner(prog, d, o)
	if err != nil {
		return event.Summary{Exit: ExitFault}, err
	}
	defer r.close()
	defer func() {
		if cause := recover(); cause != nil {
			err = panicError(cause)
			r.diagnose(err)
			sum = r.end(ExitFault)
		}
	}()
	r.start()
	exit, err := r.phases(ctx)
	r.diagnose(err)
	return r.end(exit), err
}

// phases runs everything between the first and the last event and returns the
// exit code.
func (r *runner) phases(ctx context.Context) (int, error) {
	early, settle, cancel := r.interruptible(ctx)
	defer cancel()
	if exit, err := r.prepare(early); exit >= 0 {
		return exit, err
	}
	if r.o.Mode != wire.Apply {
		return r.planned()
	}
	if exit, err := r.approve(early); exit >= 0 {
		return exit, err
	}
	settle()
	return r.apply(ctx)
}

// prepare connects and plans; a negative exit code means: go on.
func (r *runner) prepare(ctx context.Context) (int, error) {
	if r.o.Expect != nil && r.o.Expect.Digest != r.prog.Digest {
		r.log.emit(event.Event{Kind: event.Warning, Text: "inventory, playbook, variables or selection differ from those of the saved plan"})
		return ExitStale, nil
	}
	r.connect(ctx)
	switch {
	case ctx.Err() != nil:
		return ExitInterrupted, nil
	case r.locked():
		return ExitLocked, nil
	}
	if err := r.saveFacts(); err != nil {
		return ExitFault, err
	}
	if err := r.planAll(ctx); err != nil {
		return ExitUsage, err
	}
	if ctx.Err() != nil {
		return ExitInterrupted, nil
	}
	r.notes()
	r.planDone()
	if stale := r.stale(); len(stale) > 0 {
		for _, line := range stale {
			r.log.emit(event.Event{Kind: event.Warning, Text: line})
		}
		return ExitStale, nil
	}
	return -1, r.log.sync()
}

// interruptible gives the context of everything before the first write: an
// interrupt cancels it. settle ends that without cancelling, because connections
// may live as long as the context they were dialled with.
func (r *runner) interruptible(ctx context.Context) (early context.Context, settle func(), cancel context.CancelFunc) {
	early, cancel = context.WithCancel(ctx)
	settled := make(chan struct{})
	settle = sync.OnceFunc(func() { close(settled) })
	go func() {
		select {
		case <-r.o.Interrupt:
			cancel()
		case <-settled:
		case <-early.Done():
		}
	}()
	return early, settle, cancel
}
