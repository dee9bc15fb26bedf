package run

import (
	"errors"
	"strings"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/transport/wire"
)

// errSilent is the cause of a step that outlived both its limits.
var errSilent = errors.New("the step never ended")

// take handles the end of what a host was asked to do.
func (w *walk) take(res result) {
	w.busy--
	w.hosts[res.host].busy = false
	w.idle = append(w.idle, res.host)
	n := w.r.nodes[res.host]
	switch {
	case res.err != nil:
		w.trouble(n, res)
	case res.vertex == beginning:
	default:
		w.judge(res.vertex, res.done)
	}
	if w.left[res.host] == 0 {
		w.farewell(n)
	}
}

// drain takes what else has ended, so that one sync covers it all.
func (w *walk) drain() {
	for {
		select {
		case res := <-w.results:
			w.take(res)
		default:
			return
		}
	}
}

// judge compares what a step reports with what was planned.
func (w *walk) judge(v int32, d wire.Done) {
	planned := w.r.plan.Vertices[v].Changes
	if d.Failure == nil {
		if missing := unreported(planned, d.Changes); len(missing) > 0 {
			d.Failure = &wire.Failure{Object: w.r.prog.Name(v), Cause: strings.Join(missing, "; "), Kind: "deviation",
				Hint: "the node was not as it was planned; run the same apply again"}
		}
	}
	for _, text := range unplanned(planned, d.Changes) {
		w.r.emitVertex(v, event.Event{Kind: event.Warning, Text: text})
	}
	w.changed.add(d.Changes)
	switch {
	case d.Failure != nil:
		w.report(v, event.Failed, d)
	case acted(d.Changes):
		w.report(v, event.Changed, d)
	default:
		w.report(v, event.OK, d)
	}
}

// acted says whether anything on the node is different now.
func acted(list []machine.Change) bool {
	for _, c := range list {
		if c.Outcome != machine.NotNeeded {
			return true
		}
	}
	return false
}

// report tells a vertex's end and takes it in.
func (w *walk) report(v int32, s event.State, d wire.Done) {
	w.r.emitVertex(v, event.Event{Kind: event.StepResult, State: s, Changes: d.Changes, Failure: d.Failure, Millis: d.Millis})
	w.finish(v, s)
}

// finish takes a vertex's end in. What needs a vertex that did not succeed is
// held; everything else goes on.
func (w *walk) finish(v int32, s event.State) {
	if w.state[v] != "" {
		return
	}
	x := w.r.prog.Vertices[v]
	w.state[v] = s
	w.left[x.Host]--
	if !done(s) {
		w.failed[x.Step]++
		for _, next := range w.g.Next(v) {
			w.hold(next, w.r.prog.Name(v))
		}
	}
	w.q.Done(v)
}

// hold finishes a vertex that cannot start any more, because of what.
func (w *walk) hold(v int32, what string) {
	if int(v) >= len(w.state) || w.state[v] != "" {
		return
	}
	n, known := w.r.nodes[w.r.prog.Vertices[v].Host], w.r.plan.Vertices[v].State
	switch {
	case done(known): // it needs nothing: neither what is missing
		w.finish(v, known)
	case n.state == event.Unreachable:
		w.finish(v, event.Unreachable)
	default:
		w.r.emitVertex(v, event.Event{Kind: event.StepResult, State: event.Held, Text: "needs " + what})
		w.finish(v, event.Held)
	}
}

// pass is a barrier that all its vertices have reached: when more of its step's
// hosts failed than may, what waits behind it is held.
func (w *walk) pass(id int32) {
	b := w.barriers[int(id)-len(w.state)]
	step := w.r.prog.Steps[b.step]
	if w.failed[b.step] > step.MaxFail {
		if !w.spent[b.step] {
			w.spent[b.step] = true
			w.r.log.emit(event.Event{Kind: event.Warning, Step: step.Name, Text: budgetText(w.failed[b.step], len(step.Vertices), step.MaxFail)})
		}
		for _, v := range w.g.Next(id) {
			w.hold(v, step.Name)
		}
	}
	w.q.Done(id)
}

// trouble is a host that could not do what it was asked.
func (w *walk) trouble(n *node, res result) {
	var failed *stopped
	switch {
	case errors.As(res.err, new(*gone)):
		n.end(event.Unreachable, res.err.Error())
		if res.vertex != beginning {
			w.report(res.vertex, event.Unreachable, wire.Done{Failure: &wire.Failure{Object: w.r.prog.Name(res.vertex),
				Cause: res.err.Error(), Hint: "what the step did is not known; it is looked at again by: " + w.r.resume()}})
		}
	case errors.As(res.err, &failed):
		n.end(event.Failed, failed.failure.Cause)
		n.failure = &failed.failure
	case errors.As(res.err, new(*breach)):
		n.end(event.Failed, res.err.Error())
	default: // detached
		return
	}
	if n.state == event.Failed {
		w.failNode(n)
		return
	}
	for _, v := range w.r.index[n.host] {
		w.finish(v, event.Unreachable)
	}
}

// failNode ends all vertices of a host that failed as a whole: the first takes
// the blame.
func (w *walk) failNode(n *node) {
	failure := n.failure
	if failure == nil {
		failure = &wire.Failure{Object: n.name, Cause: n.cause}
	}
	for _, v := range w.r.index[n.host] {
		if w.state[v] == "" && n.blamed {
			w.hold(v, n.name)
		}
		if w.state[v] == "" {
			n.blamed = true
			w.report(v, event.Failed, wire.Done{Failure: failure})
		}
	}
}

// farewell ends a host whose vertices are all finished. What it kept of this run
// is removed when nothing is left to resume.
func (w *walk) farewell(n *node) {
	if n.state != event.Ready {
		return
	}
	forget := true
	for _, v := range w.r.index[n.host] {
		forget = forget && done(w.state[v])
	}
	n.part(forget)
	n.end(event.Finished, "")
}
