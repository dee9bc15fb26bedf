package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/transport/wire"
)

// each calls f for every node in the given state, at most Parallel at once.
func (r *runner) each(state event.State, f func(*node)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, r.parallel())
	for _, n := range r.nodes {
		if n.state != state {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			f(n)
			<-slots
		})
	}
	wg.Wait()
}

func (r *runner) parallel() int {
	if r.o.Parallel > 0 {
		return r.o.Parallel
	}
	return max(1, len(r.nodes))
}

// connect starts an agent on every host that has something left to do.
func (r *runner) connect(ctx context.Context) {
	r.each(event.Connecting, func(n *node) {
		n.emit(event.Event{Kind: event.NodeState, State: event.Connecting})
		err := n.open(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			n.close() // an interrupt says nothing about the node
		case err != nil:
			n.end(event.Unreachable, err.Error())
		case n.state == event.Connecting:
			facts := n.hello.Facts
			n.state, n.facts = event.Ready, &facts
			n.emit(event.Event{Kind: event.NodeState, State: event.Ready})
		}
	})
}

// end takes a node out of the run.
func (n *node) end(s event.State, cause string) {
	n.close()
	n.state, n.cause = s, cause
	n.emit(event.Event{Kind: event.NodeState, State: s, Text: cause})
}

// open dials, and waits for another run's lock as long as asked.
func (n *node) open(ctx context.Context) error {
	deadline := time.Now().Add(n.r.o.LockTimeout)
	for {
		c, err := n.r.dial.Dial(ctx, n.name, n.r.o.Mode, n.r.o.ID)
		if err != nil {
			return err
		}
		if err := n.use(c); err != nil {
			return err
		}
		h := n.hello.Holder
		switch {
		case h == nil:
			return n.checkHello()
		case !time.Now().Before(deadline):
			n.end(event.Locked, fmt.Sprintf("locked by %s (run %s, %s) since %s",
				h.Who, h.Run, h.Mode, time.Unix(h.Since, 0).UTC().Format(time.RFC3339)))
			return nil
		}
		n.drop()
		if err := sleep(ctx, min(2*time.Second, time.Until(deadline))); err != nil {
			return err
		}
	}
}

// checkHello looks at what the agent says of itself. A node whose facts break
// their bounds fails alone.
func (n *node) checkHello() error {
	if n.hello.Protocol != wire.Protocol {
		n.end(event.Failed, fmt.Sprintf("agent speaks protocol %d, this muster %d", n.hello.Protocol, wire.Protocol))
		return nil
	}
	f := n.hello.Facts
	if err := f.Check(); err != nil {
		n.end(event.Failed, fmt.Sprintf("facts: %v", err))
		return nil
	}
	if skew := time.Since(time.UnixMilli(f.Clock)).Abs(); f.Clock != 0 && skew > maxSkew {
		n.emit(event.Event{Kind: event.Warning, Text: fmt.Sprintf("clock differs by %s: munge and TLS refuse more than 5 minutes",
			skew.Round(time.Second))})
	}
	return nil
}

func (r *runner) locked() bool {
	for _, n := range r.nodes {
		if n.state == event.Locked {
			return true
		}
	}
	return false
}

// saveFacts hands the fresh facts to the caller.
func (r *runner) saveFacts() error {
	if r.o.OnFacts == nil {
		return nil
	}
	fresh := map[string]machine.Facts{}
	for _, n := range r.nodes {
		if n.facts != nil {
			fresh[n.name] = *n.facts
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return r.o.OnFacts(fresh)
}

// retry asks a node for something and, when the connection breaks meanwhile,
// comes back to it and asks again: every question may be asked twice.
func (n *node) retry(ctx context.Context, ask func() error) error {
	for losses := 0; ; losses++ {
		err := ask()
		var lost *lostError
		if !errors.As(err, &lost) || ctx.Err() != nil {
			return err
		}
		if losses == maxLosses {
			return &gone{fmt.Errorf("lost %d times: %w", losses+1, err)}
		}
		if err := n.reconnect(ctx, err); err != nil {
			return err
		}
	}
}

// reconnect brings a lost node back within the window: a fresh agent of the same
// run, which goes on from the base that the first one has saved.
func (n *node) reconnect(ctx context.Context, cause error) error {
	n.drop()
	n.emit(event.Event{Kind: event.NodeState, State: event.Lost, Text: cause.Error()})
	window, cancel := context.WithTimeout(ctx, n.r.o.Reconnect)
	defer cancel()
	last := cause
	for pause := time.Second; ; pause = min(2*pause, 15*time.Second) {
		if sleep(window, pause/2+rand.N(pause/2)) != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &gone{fmt.Errorf("not back after %s: %w", n.r.o.Reconnect, last)}
		}
		err := n.again(window)
		var lost *lostError
		switch {
		case err == nil:
			n.emit(event.Event{Kind: event.NodeState, State: event.Ready, Text: "back"})
			return nil
		case !errors.As(err, &lost):
			return err
		}
		n.drop()
		last = err
	}
}

// again dials a lost node and brings its fresh agent to where the old one was.
func (n *node) again(ctx context.Context) error {
	c, err := n.r.dial.Dial(ctx, n.name, n.r.o.Mode, n.r.o.ID)
	if err != nil {
		return &lostError{err}
	}
	if err := n.use(c); err != nil {
		return err
	}
	if h := n.hello.Holder; h != nil { // mostly the agent before, finishing its write
		return &lostError{fmt.Errorf("locked by %s (run %s)", h.Who, h.Run)}
	}
	if !n.planned {
		return nil // the question itself is asked again
	}
	plans, err := n.getPlan(ctx)
	if err != nil {
		return err
	}
	for _, p := range plans {
		if v := int32(p.ID - 1); !sameChanges(p.Changes, n.r.plan.Vertices[v].Changes) {
			return &stopped{wire.Failure{Object: n.r.prog.Name(v), Kind: "deviation",
				Cause: "the node is not any more as it was planned when the connection broke",
				Hint:  "run the same apply again: it plans anew"}}
		}
	}
	if !n.begun {
		return nil
	}
	return n.begin(ctx)
}

// sleep waits, or returns why it may not.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
