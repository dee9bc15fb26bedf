package run

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"muster/playbooks/event"
	"muster/playbooks/program"
	"muster/transport/wire"
)

// runner is the state of one run. Everything but the nodes' own fields belongs
// to the goroutine that called Run.
type runner struct {
	prog  *program.Program
	dial  Dialer
	o     Options
	log   *recorder
	nodes []*node   // by host index
	index [][]int32 // vertices of each host, in order
	plan  *Plan
	lists *lists // the changes in plan
	// pending are vertices whose configuration holds a secret not made yet.
	pending map[int32]bool
	walk    *walk // nil before an apply begins
	began   time.Time
	done    bool // the summary has been written
	// approved says that the plan was agreed to: from here on there is something
	// to resume.
	approved bool
	parting  sync.WaitGroup // goodbyes under way
}

func newRunner(prog *program.Program, d Dialer, o Options) (*runner, error) {
	if o.Mode == "" {
		o.Mode = wire.Plan
	}
	if o.ID == "" {
		o.ID = NewID(time.Now())
	}
	if o.Reconnect == 0 {
		o.Reconnect = DefaultReconnect
	}
	log, err := newRecorder(o)
	if err != nil {
		return nil, err
	}
	r := &runner{prog: prog, dial: d, o: o, log: log, began: time.Now(), pending: map[int32]bool{}, lists: newLists()}
	r.index = make([][]int32, len(prog.Hosts))
	for v, x := range prog.Vertices {
		r.index[x.Host] = append(r.index[x.Host], int32(v))
	}
	r.plan = newPlan(prog, o.ID)
	for h, host := range prog.Hosts {
		r.nodes = append(r.nodes, &node{r: r, host: int32(h), name: host.Name, state: event.Connecting})
	}
	r.presets()
	return r, nil
}

// presets marks what an earlier part of this run has finished. A host without
// anything left is not connected to.
func (r *runner) presets() {
	for h, vertices := range r.index {
		left := len(vertices)
		for _, v := range vertices {
			if done(r.o.Done[r.prog.Name(v)]) {
				r.plan.Vertices[v].State = r.o.Done[r.prog.Name(v)]
				r.plan.Vertices[v].Before = true
				left--
			}
		}
		if left == 0 {
			r.nodes[h].state = event.Finished
		}
	}
}

// done says whether a vertex in this state counts for what waits for it.
func done(s event.State) bool {
	return s == event.OK || s == event.Changed || s == event.Skipped
}

func (r *runner) start() {
	r.log.emit(event.Event{Kind: event.KindVersion, Text: fmt.Sprintf("muster events %d", event.Version)})
	r.log.emit(event.Event{Kind: event.RunStart, Text: r.o.Command, Digest: r.prog.Digest})
}

// diagnose tells why the run could not be carried through, for those who read
// events only.
func (r *runner) diagnose(err error) {
	if err != nil {
		r.log.emit(event.Event{Kind: event.DiagnosticMsg, Text: err.Error()})
	}
}

// end writes the last event, once.
func (r *runner) end(exit int) event.Summary {
	if r.done {
		return event.Summary{Exit: exit}
	}
	r.done = true
	sum := r.summary()
	sum.Exit = exit
	if err := r.log.sync(); err != nil && r.o.Mode == wire.Apply {
		sum.Exit = ExitFault
	}
	if sum.Exit != ExitOK && (r.walk != nil || r.approved) {
		sum.Resume = r.resume()
	}
	sum.Millis = time.Since(r.began).Milliseconds()
	r.log.emit(event.Event{Kind: event.RunSummary, Summary: &sum})
	_ = r.log.sync() // a fault here has been reported by the exit code above, or the run is over
	return sum
}

// resume is the command that goes on.
func (r *runner) resume() string { return cmp.Or(r.o.Resume, "muster resume") + " " + r.o.ID }

func (r *runner) close() {
	for _, n := range r.nodes {
		n.part(false)
	}
	r.parting.Wait()
	r.log.close()
}

func panicError(cause any) error {
	return fmt.Errorf("run: bug: %v\n%s", cause, debug.Stack())
}
