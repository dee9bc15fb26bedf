// Package agent is the serve loop of the program that runs on a node. It is the
// other end of transport.Conn: it holds the node's lock, plans and applies the
// steps it is given, one at a time, and ends when its controller does.
package agent

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"muster/modules"
	"muster/modules/machine"
	"muster/transport/wire"
)

// Options is what an agent is made of. Mode, Run, Who, Dir and Store are needed;
// a nil hook is a thing that this node does not have.
type Options struct {
	Mode wire.Mode
	// Run is the run's id; it names a folder.
	Run string
	// Who is user@host of the controller, for the holder of the lock.
	Who string
	// Dir is the agent's own folder, /var/lib/muster.
	Dir string
	// Digest is the SHA-256 of the running binary, hex.
	Digest string
	// Modules are those the agent can run.
	Modules []modules.Module
	// Store opens the node. A store may also be a Recorder, a
	// Downloader, a Sealer and an Adopter.
	Store func() (machine.Store, error)
	// Lock takes the node's lock, or says who has it.
	Lock func(h wire.Holder) (release func(), held *wire.Holder, err error)
	// Vertex marks a context with the step that is being done. The store streams
	// what programs print to output then; without the hook it comes at their end.
	Vertex func(ctx context.Context, run, step string, output func(string)) context.Context

	// Silence is how long the controller may say nothing; 0 means 30 s.
	Silence time.Duration
	// Abandon is how long a step may hang after its timeout; 0 means 30 s.
	Abandon time.Duration
}

// Recorder is a store that remembers what its running units were started with.
type Recorder interface {
	// SaveRecords is called before the first write of an apply, with the units that
	// were planned and their wanted states.
	SaveRecords(ctx context.Context, want []machine.Item) error
}

// Sealer is a store that can run a plan where the kernel lets nothing be written.
type Sealer interface {
	ReadOnly(f func() error) error
}

// Adopter is a store whose long programs outlive an agent.
type Adopter interface {
	// Adopt waits until what earlier agents have left running has ended,
	// and names it. Nothing is read of the node before.
	Adopt(ctx context.Context) ([]string, error)
}

// Downloader is a store that can fetch packages before it installs any.
type Downloader interface {
	Download(ctx context.Context, packages []machine.Item) error
}

const (
	// silence is six missed heartbeats of 5 s; abandon leaves room for TERM (10 s),
	// KILL and the reaping of a child.
	silence = 30 * time.Second
	abandon = 30 * time.Second
	// stepTimeout is the hard limit of a step that names none.
	stepTimeout = 30 * time.Minute
	// runAge is how long the folder of a run that never ended is kept, and an agent
	// of another version.
	runAge = 7 * 24 * time.Hour
)

// runPattern keeps a run's id from being a path.
var runPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func (o *Options) check() error {
	switch o.Mode {
	case wire.Plan, wire.Apply, wire.Facts:
	default:
		return fmt.Errorf("mode %q: must be plan, apply or facts", o.Mode)
	}
	if !runPattern.MatchString(o.Run) {
		return fmt.Errorf("run %q: must be up to 64 letters, digits, - and _", o.Run)
	}
	if o.Store == nil {
		return errors.New("agent: store: none was given")
	}
	if o.Silence == 0 {
		o.Silence = silence
	}
	if o.Abandon == 0 {
		o.Abandon = abandon
	}
	return nil
}
