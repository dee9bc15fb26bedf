package agent_test

import (
	"testing"

	"muster/transport/wire"
)

// A step that outruns its time may leave an installation running: the next step
// waits for it before it reads anything.
func TestStepAfterATimeoutAdopts(t *testing.T) {
	n := newNode(t)
	c, _, _ := n.dial(t, n.options(wire.Apply))
	first := vertex(t, 1, note{Does: "endless"})
	first.TimeoutMS = 20
	send(t, c, wire.Steps{Vertices: []wire.Vertex{first, vertex(t, 2, note{Path: "/b", Text: "b"}), vertex(t, 3, note{Path: "/c", Text: "c"})}})
	recv[wire.Base](t, c)
	send(t, c, wire.Begin{})
	recv[wire.Begun](t, c)
	send(t, c, wire.Do{ID: 1})
	if d := recv[wire.Done](t, c); d.Failure == nil || d.Failure.Kind != "timeout" {
		t.Fatalf("%+v", d.Failure)
	}
	for id, want := range map[uint32]int{2: 2, 3: 2} {
		send(t, c, wire.Do{ID: id})
		if d := recv[wire.Done](t, c); d.Failure != nil || n.adopted != want {
			t.Errorf("step %d: adopted %d times, want %d: %+v", id, n.adopted, want, d.Failure)
		}
	}
}

// A plan waits as well: what a dead run has left is changing the node.
func TestPlanAdopts(t *testing.T) {
	n := newNode(t)
	c, _, _ := n.dial(t, n.options(wire.Plan))
	send(t, c, wire.Steps{Vertices: []wire.Vertex{vertex(t, 1, note{Path: "/a", Text: "one"})}})
	recv[wire.Base](t, c)
	if n.adopted != 1 {
		t.Errorf("adopted %d times before the plan, want once", n.adopted)
	}
}
