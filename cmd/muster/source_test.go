package main

import (
	"testing"

	"muster/transport"
)

// TestAnotherAgentIsAnotherProgram: what was reviewed was planned by this agent.
func TestAnotherAgentIsAnotherProgram(t *testing.T) {
	one, err1 := withAgents("d", transport.Binary("amd64", []byte("one")))
	two, err2 := withAgents("d", transport.Binary("amd64", []byte("two")))
	again, err3 := withAgents("d", transport.Binary("amd64", []byte("one")))
	if err1 != nil || err2 != nil || err3 != nil || one == two || one != again || one == "d" {
		t.Errorf("%s %v, %s %v, %s %v", one, err1, two, err2, again, err3)
	}
}
