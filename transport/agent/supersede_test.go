package agent_test

import (
	"os"
	"path/filepath"
	"testing"

	"muster/modules/machine"
	"muster/transport/wire"
)

// TestSuperseded: once another run has planned the node and begun, or has found
// nothing to do, a run that was cut off does not go on from what it had found.
func TestSuperseded(t *testing.T) {
	for _, there := range []string{"one", "zero"} {
		n := newNode(t)
		n.Seed(machine.Ref{Table: "file", Key: "/a"}, machine.State{"type": machine.Text("file"), "content": machine.Text(there)})
		old := filepath.Join(n.dir, "runs", "old", "base")
		if err := os.MkdirAll(filepath.Dir(old), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(old, []byte("base"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, served, _ := n.dial(t, n.options(wire.Apply))
		send(t, c, wire.Steps{Vertices: []wire.Vertex{vertex(t, 1, note{Path: "/a", Text: "one"})}})
		if b := recv[wire.Base](t, c); len(b.Plans[0].Changes) > 0 {
			if _, err := os.Stat(old); err != nil {
				t.Error("a plan that was not approved dropped another run's base")
			}
			send(t, c, wire.Begin{})
			recv[wire.Begun](t, c)
		}
		if _, err := os.Stat(old); err == nil {
			t.Errorf("content %q: the old run's base is still there", there)
		}
		send(t, c, wire.Bye{})
		if err := ended(t, served); err != nil {
			t.Error(err)
		}
	}
}
