package run

import (
	"context"
	"errors"
	"slices"
	"sync"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/playbooks/program"
	"muster/transport/wire"
)

// planAll evaluates the configurations of all reachable hosts, with the facts of this
// run or, for hosts that it does not reach, of earlier ones, and lets the agents plan:
// each as soon as its own steps are known. A host for which they cannot be evaluated,
// because of what that host says of itself, fails alone; when it can be done for none,
// the configuration is wrong, and that is the error.
func (r *runner) planAll(ctx context.Context) error {
	bound, finish := r.planners(ctx)
	problems, some := r.bindAll(bound)
	finish()
	if !some && len(problems) > 0 {
		return problems
	}
	for _, p := range problems {
		p.node.refuse(p.err)
	}
	for _, n := range r.nodes {
		if n.state != event.Ready && n.state != event.Finished {
			r.plan.Unplanned[n.name] = n.cause
		}
	}
	return nil
}

// bindAll evaluates one host after the other and hands on those that it can be done
// for; some says whether there was any.
func (r *runner) bindAll(bound chan<- *node) (problems unbound, some bool) {
	facts := r.facts()
	for _, n := range r.nodes {
		if n.state != event.Ready {
			continue
		}
		list, err := r.prog.Bind.Requests(n.host, facts)
		if err != nil {
			problems = append(problems, hostError{n, err})
			continue
		}
		n.steps, some = r.wireSteps(list), true
		bound <- n
	}
	return problems, some
}

// planners plans the nodes that it is given, at most Parallel at once; finish waits for
// all of them.
func (r *runner) planners(ctx context.Context) (nodes chan<- *node, finish func()) {
	work := make(chan *node, len(r.nodes))
	var wg sync.WaitGroup
	for range min(r.parallel(), len(r.nodes)) {
		wg.Go(func() {
			for n := range work {
				r.planNode(ctx, n)
			}
		})
	}
	return work, func() {
		close(work)
		wg.Wait()
	}
}

// planNode lets one agent plan.
func (r *runner) planNode(ctx context.Context, n *node) {
	if len(n.steps) == 0 {
		n.rest("nothing to do here")
		return
	}
	var plans []wire.VertexPlan
	err := n.retry(ctx, func() (err error) {
		plans, err = n.getPlan(ctx)
		return err
	})
	switch {
	case err == nil:
		n.planned = true
		r.takePlan(n, plans)
	case ctx.Err() != nil:
	case errors.As(err, new(*gone)):
		n.end(event.Unreachable, err.Error())
	default:
		n.end(event.Failed, err.Error())
	}
}

// facts are those of this run, whatever became of the host since, and for hosts
// that it has not reached those of earlier runs.
func (r *runner) facts() map[string]machine.Facts {
	facts := map[string]machine.Facts{}
	for name, known := range r.o.Facts {
		facts[name] = known.Facts
	}
	for _, n := range r.nodes {
		if n.facts != nil {
			facts[n.name] = *n.facts
		}
	}
	return facts
}

// wireSteps turns requests into steps for the agent, and notes what is skipped
// and what waits for a secret.
func (r *runner) wireSteps(list []program.Request) []wire.Vertex {
	out := make([]wire.Vertex, 0, len(list))
	for _, q := range list {
		p := &r.plan.Vertices[q.Vertex]
		if q.Skip != "" {
			p.Skip, p.State = q.Skip, event.Skipped
			continue
		}
		if q.Pending {
			r.pending[q.Vertex] = true
		}
		of := r.prog.Vertices[q.Vertex].Step
		step := &r.prog.Steps[of]
		out = append(out, wire.Vertex{ID: wireID(q.Vertex), Name: step.Name, Module: step.Module,
			Config: q.Config, TimeoutMS: step.Timeout.Milliseconds(), Waits: waits(r.prog, of)})
	}
	return out
}

// waits says whether a step is held up by other hosts: it waits for all hosts of
// another step, or comes in batches.
func waits(p *program.Program, step int32) bool {
	s := &p.Steps[step]
	return s.Batch > 0 && s.Batch < len(s.Vertices) ||
		slices.ContainsFunc(p.AfterAll, func(pair [2]int32) bool { return pair[0] == step })
}
