package run

import (
	"context"
	"errors"
	"fmt"

	"muster/playbooks/event"
	"muster/playbooks/program"
	"muster/transport/wire"
)

// approve asks for consent. A negative exit code means: go on.
func (r *runner) approve(ctx context.Context) (int, error) {
	if r.plan.Empty() {
		if exit := r.planExit(); exit != ExitChanges {
			return exit, nil
		}
		return ExitOK, nil
	}
	by := "the caller"
	if r.o.Approve != nil {
		who, err := r.o.Approve(ctx, r.plan)
		switch {
		case ctx.Err() != nil:
			return ExitInterrupted, nil
		case errors.Is(err, ErrDeclined):
			return ExitDeclined, nil
		case err != nil:
			return ExitUsage, err
		}
		by = who
	}
	r.approved = true
	r.log.emit(event.Event{Kind: event.Approved, Text: by})
	if err := r.log.sync(); err != nil {
		return ExitFault, err
	}
	if len(r.pending) == 0 {
		return -1, nil
	}
	err := r.materialise(ctx)
	switch {
	case ctx.Err() != nil:
		return ExitInterrupted, nil
	case err != nil:
		return ExitFault, err
	}
	return -1, nil
}

// materialise makes the secrets that did not exist yet and sends the completed
// configurations to the nodes that wait for them.
func (r *runner) materialise(ctx context.Context) error {
	if err := r.prog.Bind.Materialise(ctx); err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	facts := r.facts()
	completed := map[*node][]wire.Vertex{}
	for _, n := range r.nodes {
		if n.state != event.Ready || !r.waits(n) {
			continue
		}
		list, err := r.prog.Bind.Requests(n.host, facts)
		if err != nil {
			n.refuse(err)
			continue
		}
		var changed []program.Request
		for _, q := range list {
			if r.pending[q.Vertex] {
				changed = append(changed, q)
			}
		}
		completed[n] = r.wireSteps(changed)
	}
	r.each(event.Ready, func(n *node) {
		if steps := completed[n]; len(steps) > 0 {
			r.completes(ctx, n, steps)
		}
	})
	return nil
}

func (r *runner) completes(ctx context.Context, n *node, steps []wire.Vertex) {
	err := n.retry(ctx, func() error { return n.replace(ctx, steps) })
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.As(err, new(*gone)):
		n.end(event.Unreachable, err.Error())
	default:
		n.end(event.Failed, err.Error())
	}
}

func (r *runner) waits(n *node) bool {
	for _, v := range r.index[n.host] {
		if r.pending[v] {
			return true
		}
	}
	return false
}
