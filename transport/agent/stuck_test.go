package agent_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"muster/transport/agent"
	"muster/transport/wire"
)

// A controller that is there and reads nothing does not keep an agent, and with it
// the node's lock, alive.
func TestNobodyReads(t *testing.T) {
	n := newNode(t)
	in, toAgent := io.Pipe()
	fromAgent, out := io.Pipe()
	defer fromAgent.Close()
	defer toAgent.Close()
	o := n.options(wire.Apply)
	o.Silence = 50 * time.Millisecond
	served := make(chan error, 1)
	go func() { served <- agent.Serve(t.Context(), in, out, o) }()
	if err := ended(t, served); !errors.Is(err, agent.ErrSilent) {
		t.Errorf("%v", err)
	}
	if n.holder != nil {
		t.Error("the lock is still held")
	}
}
