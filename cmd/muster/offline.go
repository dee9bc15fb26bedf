package main

import (
	"context"
	"errors"
	"fmt"

	"muster/modules/all"
	"muster/modules/machine"
	"muster/playbooks/run"
	"muster/transport"
	"muster/transport/agent"
	"muster/transport/wire"
)

// offline plans without connecting: every host is an empty machine with the
// facts that an earlier run has recorded.
type offline struct {
	facts   map[string]run.Known
	planner *agent.Planner
}

func newOffline(facts map[string]run.Known) offline {
	return offline{facts, agent.NewPlanner(all.Modules())}
}

// Dial implements run.Dialer: there is no agent, and its answers are made here.
func (o offline) Dial(_ context.Context, host string, mode wire.Mode, _ string) (run.Conn, error) {
	known, ok := o.facts[host]
	if !ok {
		return nil, errors.New("no facts were ever recorded: run `muster facts` once")
	}
	if mode != wire.Plan {
		return nil, fmt.Errorf("--no-connect only plans")
	}
	facts := known.Facts
	facts.Clock = 0 // it was right when it was recorded
	return &unconnected{planner: o.planner, facts: facts}, nil
}

// unconnected is a conversation of one question and its answer.
type unconnected struct {
	planner *agent.Planner
	facts   machine.Facts
	answer  *wire.Base
}

// Hello implements run.Conn.
func (u *unconnected) Hello() wire.Hello { return wire.Hello{Protocol: wire.Protocol, Facts: u.facts} }

// Send implements run.Conn: it plans.
func (u *unconnected) Send(ctx context.Context, m wire.Message) error {
	if steps, ok := m.(wire.Steps); ok {
		base := u.planner.Plan(ctx, newBareNode(u.facts), steps.Vertices, bareOwn)
		u.answer = &base
	}
	return ctx.Err()
}

// Recv implements run.Conn.
func (u *unconnected) Recv(context.Context) (wire.Message, error) {
	if u.answer == nil {
		return nil, fmt.Errorf("%w: nothing was asked", transport.ErrLost)
	}
	base := *u.answer
	u.answer = nil
	return base, nil
}

// Close implements run.Conn.
func (u *unconnected) Close() error { return nil }
