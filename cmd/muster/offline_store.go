package main

import (
	"context"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

// bareNode is a node of which only the facts are known: an installed system with
// nothing on it. What only the node could answer is unknown.
type bareNode struct{ *memory.Store }

func newBareNode(facts machine.Facts) bareNode { return bareNode{memory.Bare(facts)} }

const notConnected = "not connected"

// Get implements machine.Store: what a repository offers is not known.
func (b bareNode) Get(ctx context.Context, via machine.Machine, ref machine.Ref, fields []string) (machine.State, error) {
	if ref.Table == "package_candidate" {
		return machine.State{"version": machine.Unknown(notConnected)}, nil
	}
	return b.Store.Get(ctx, via, ref, fields)
}

// Exec implements machine.Store: nothing can be asked.
func (b bareNode) Exec(context.Context, machine.Run, bool) (machine.Result, error) {
	return machine.Result{Unknown: true, Why: notConnected}, nil
}
