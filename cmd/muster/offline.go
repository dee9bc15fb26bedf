package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

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
	facts map[string]run.Known
}

// Dial implements run.Dialer: it runs the agent in this process.
func (o offline) Dial(ctx context.Context, host string, mode wire.Mode, id string) (run.Conn, error) {
	known, ok := o.facts[host]
	if !ok {
		return nil, errors.New("no facts were ever recorded: run `muster facts` once")
	}
	if mode != wire.Plan {
		return nil, fmt.Errorf("--no-connect only plans")
	}
	facts := known.Facts
	facts.Clock = 0 // it was right when it was recorded
	toAgent, fromUs := io.Pipe()
	toUs, fromAgent := io.Pipe()
	go func() {
		err := agent.Serve(context.WithoutCancel(ctx), toAgent, fromAgent, agent.Options{Mode: mode, Run: id, Who: operator(), Dir: os.DevNull,
			Modules: all.Modules(), Store: func() (machine.Store, error) { return newBareNode(facts), nil }})
		_ = fromAgent.CloseWithError(err) // a pipe's Close always succeeds
	}()
	conn, err := transport.Open(ctx, transport.Link{R: toUs, W: fromUs, Close: func() error {
		_ = fromUs.Close()
		return toUs.Close()
	}})
	if err != nil {
		return nil, err
	}
	return link{conn}, nil
}
