package agent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"muster/modules"
	"muster/modules/machine"
	"muster/transport/wire"
)

// A program that fails and prints its settings does not carry the steps' secrets
// to the controller, neither in what it prints nor in the error.
func TestNoSecretOnTheWire(t *testing.T) {
	const canary = "correct-horse"
	binary := []byte("\x00\xffbattery")
	sum := sha256.Sum256(binary)
	derived := hex.EncodeToString(sum[:])
	n := newNode(t)
	n.Answer([]string{"tell"}, machine.Result{Exit: 1, Stdout: "StoragePass = " + canary + "\nno end: " + derived, Stderr: "denied: " + derived + " hash-of-14-bytes"})
	c, _, _ := n.dial(t, n.options(wire.Apply))
	send(t, c, wire.Steps{Vertices: []wire.Vertex{vertex(t, 1, note{Does: "tell", Keys: []key{
		{modules.Secret{Bytes: []byte(canary + "\n")}}, {modules.Secret{Bytes: binary}}}})}})
	recv[wire.Base](t, c)
	send(t, c, wire.Begin{})
	recv[wire.Begun](t, c)
	send(t, c, wire.Do{ID: 1})
	out := recv[wire.Output](t, c)
	done := recv[wire.Done](t, c)
	if done.Failure == nil || !strings.Contains(done.Failure.Stderr, "denied: (secret)") {
		t.Fatalf("%+v", done.Failure)
	}
	if out.Text != "StoragePass = (secret)\nno end: (secret)denied: (secret) (secret)" {
		t.Errorf("output %q", out.Text)
	}
	all := fmt.Sprintf("%q %q %q %q", out.Text, done.Failure.Cause, done.Failure.Stderr, done.Failure.Command)
	for _, s := range []string{canary, derived} {
		if strings.Contains(all, s) {
			t.Errorf("%q is in %s", s, all)
		}
	}
}
