package main

import (
	"context"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

// bareNode is a node of which only the facts are known: an installed system with
// nothing on it. What only the node could answer is unknown. All have one store: a
// plan does not write.
type bareNode struct {
	*memory.Store
	facts machine.Facts
}

var bareStore = memory.Bare(machine.Facts{})

// bareOwn is what bare nodes differ in.
var bareOwn = machine.Ref{Table: "hostname"}

func newBareNode(facts machine.Facts) bareNode { return bareNode{bareStore, facts} }

const notConnected = "not connected"

// Facts implements machine.Store.
func (b bareNode) Facts() machine.Facts { return b.facts }

// Get implements machine.Store: what a repository offers is not known.
func (b bareNode) Get(ctx context.Context, via machine.Machine, ref machine.Ref, fields []string) (machine.State, error) {
	switch ref {
	case bareOwn:
		return machine.State{"name": machine.Text(b.facts.Hostname)}, nil
	case machine.Ref{Table: "package_candidate", Key: ref.Key}:
		return machine.State{"version": machine.Unknown(notConnected)}, nil
	}
	return b.Store.Get(ctx, via, ref, fields)
}

// Exec implements machine.Store: nothing can be asked.
func (b bareNode) Exec(context.Context, machine.Run, bool) (machine.Result, error) {
	return machine.Result{Unknown: true, Why: notConnected}, nil
}
