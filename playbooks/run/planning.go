package run

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"muster/inventory/hostlist"
	"muster/playbooks/event"
	"muster/transport/wire"
)

// takePlan keeps a host's plan and tells it. A host without changes is done: its
// connection ends here. It touches only vertices of this host.
func (r *runner) takePlan(n *node, plans []wire.VertexPlan) {
	for _, got := range plans {
		p := &r.plan.Vertices[got.ID-1]
		p.Changes = r.lists.share(got.Changes)
		if !p.Before { // or it is only compared after a reconnect
			p.Failure = got.Failure
		}
	}
	work := false
	for _, v := range r.index[n.host] {
		p := &r.plan.Vertices[v]
		if p.Failure != nil {
			p.State = event.Failed
		}
		work = work || !p.Before && (len(p.Changes) > 0 || p.Failure != nil)
	}
	for _, v := range r.index[n.host] {
		p := &r.plan.Vertices[v]
		if !p.Before && (len(p.Changes) > 0 || p.State != "") {
			n.emit(event.Event{Kind: event.PlanStep, Step: p.Step, Pos: r.pos(v), State: p.State,
				Text: p.Skip, Changes: p.Changes, Failure: p.Failure})
		}
	}
	if !work {
		n.rest("nothing to change")
	}
	if !work || r.o.Mode != wire.Apply {
		n.steps = nil // nobody asks this node again
	}
}

// rest ends a host that needs nothing: all its vertices are well.
func (n *node) rest(why string) {
	for _, v := range n.r.index[n.host] {
		if p := &n.r.plan.Vertices[v]; p.State == "" {
			p.State = event.OK
		}
	}
	n.part(n.hello.Resumed)
	n.end(event.Finished, why)
	n.cause = ""
}

func (r *runner) pos(v int32) string { return r.prog.Steps[r.prog.Vertices[v].Step].Pos }

// notes tells what a reviewer has to know beside the changes.
func (r *runner) notes() {
	note := func(step, format string, a ...any) {
		r.log.emit(event.Event{Kind: event.PlanNote, Step: step, Text: fmt.Sprintf(format, a...)})
	}
	for _, text := range r.o.Notes {
		note("", "%s", text)
	}
	for i := range r.prog.Steps {
		s := &r.prog.Steps[i]
		if s.Batch > 0 && s.Batch < len(s.Vertices) {
			note(s.Name, "%d batches of %d, at most %d may fail", (len(s.Vertices)+s.Batch-1)/s.Batch, s.Batch, s.MaxFail)
		}
	}
	for _, a := range r.prog.Assumed {
		note("", "assumed done, not selected: %s", a)
	}
	if resumed := r.resumed(); len(resumed) > 0 {
		note("", "%s: the plan of run %s, made before it stopped; what was changed there since is not in it", hostlist.Fold(resumed), r.o.ID)
	}
	if hosts := r.regenerated(); len(hosts) > 0 {
		note("", "%s: a secret that is in use there would be generated anew; if it was only lost here, put its file back first", hostlist.Fold(hosts))
	}
	var old []string
	oldest, fresh := time.Now(), r.fresh()
	for name, known := range r.o.Facts {
		if !fresh[name] {
			old = append(old, name)
			if known.At.Before(oldest) {
				oldest = known.At
			}
		}
	}
	if len(old) > 0 {
		slices.Sort(old)
		note("", "facts of %s are from earlier runs, the oldest %s old", hostlist.Fold(old), age(time.Since(oldest)))
	}
}

// regenerated are the hosts on which a secret that does not exist yet would replace
// another value.
func (r *runner) regenerated() []string {
	found := map[string]bool{}
	for v := range r.plan.Vertices {
		if k := r.lists.of(r.plan.Vertices[v].Changes); k != nil && k.replaces {
			found[r.prog.Hosts[r.prog.Vertices[v].Host].Name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// resumed are the hosts that go on from the base of this run's earlier part.
func (r *runner) resumed() []string {
	var out []string
	for _, n := range r.nodes {
		if n.hello.Resumed {
			out = append(out, n.name)
		}
	}
	return out
}

// fresh are the hosts whose facts were read in this run.
func (r *runner) fresh() map[string]bool {
	out := map[string]bool{}
	for _, n := range r.nodes {
		out[n.name] = n.facts != nil && !r.o.Recorded
	}
	return out
}

// age words a duration as people say it: the largest unit alone.
func age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func (r *runner) planDone() {
	r.plan.ID = planID(r.plan, r.lists)
	sum := r.summary()
	r.log.emit(event.Event{Kind: event.PlanDone, Summary: &sum})
}
