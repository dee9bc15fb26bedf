package run

import (
	"fmt"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/playbooks/program"
	"muster/transport/wire"
)

// Plan is what a run would do.
type Plan struct {
	ID     string // 8 hex digits over the content, see --expect
	Run    string
	Digest string // of the program
	// Vertices by id.
	Vertices []VertexPlan
	// Unplanned are hosts without a plan, and why.
	Unplanned map[string]string
}

// VertexPlan is what a step would do on a host.
type VertexPlan struct {
	Step, Host string
	Changes    []machine.Change
	Failure    *wire.Failure
	// Skip is why it does not run.
	Skip string
	// State is set when the vertex needs no more work: OK when there is nothing to
	// change on its host, Skipped, Failed when it could not be planned, or what an
	// earlier part of the run has made of it.
	State event.State
	// Before says that State comes from an earlier part of this run.
	Before bool
}

// Name is slurm_node[compute]@dgx07.
func (v VertexPlan) Name() string { return v.Step + "@" + v.Host }

// Empty says that there is nothing to do.
func (p *Plan) Empty() bool {
	for _, v := range p.Vertices {
		if len(v.Changes) > 0 && !v.Before {
			return false
		}
	}
	return true
}

func newPlan(prog *program.Program, id string) *Plan {
	p := &Plan{Run: id, Digest: prog.Digest, Vertices: make([]VertexPlan, len(prog.Vertices)), Unplanned: map[string]string{}}
	for v, x := range prog.Vertices {
		p.Vertices[v] = VertexPlan{Step: prog.Steps[x.Step].Name, Host: prog.Hosts[x.Host].Name}
	}
	return p
}

// maxTold is how many differences are told one by one: a node may invent any
// number of them.
const maxTold = 20

// unreported lists the planned changes that a finished vertex does not report:
// the plan promised them.
func unreported(planned, reported []machine.Change) []string {
	var out []string
	by := byIdentity(reported)
	for _, want := range planned {
		got, found := by[identity{want.Ref(), want.Nth}]
		switch {
		case !found:
			out = append(out, fmt.Sprintf("%s was planned to change and did not", want.Ref()))
		case !want.Same(got):
			out = append(out, fmt.Sprintf("%s changed in another way than planned", want.Ref()))
		}
	}
	return told(out)
}

// unplanned lists reported changes that the plan did not have; repairs are
// something else.
func unplanned(planned, reported []machine.Change) []string {
	var out []string
	by := byIdentity(planned)
	for _, got := range reported {
		if got.Outcome == machine.Repair {
			continue
		}
		if _, found := by[identity{got.Ref(), got.Nth}]; !found {
			out = append(out, fmt.Sprintf("%s changed and was not planned to", got.Ref()))
		}
	}
	return told(out)
}

// told cuts a long list and says so.
func told(list []string) []string {
	if len(list) <= maxTold {
		return list
	}
	return append(list[:maxTold:maxTold], fmt.Sprintf("and %d more", len(list)-maxTold))
}

// identity is what makes two changes the same one.
type identity struct {
	ref machine.Ref
	nth int
}

// byIdentity finds changes: a list may have 100,000. The first of a kind counts, as
// it does for who reads the list.
func byIdentity(in []machine.Change) map[identity]machine.Change {
	out := make(map[identity]machine.Change, len(in))
	for _, c := range in {
		id := identity{c.Ref(), c.Nth}
		if _, known := out[id]; !known && c.Outcome != machine.Repair {
			out[id] = c
		}
	}
	return out
}

// sameChanges compares two lists as a saved plan does: in order, unknown values
// matching anything.
func sameChanges(a, b []machine.Change) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Same(b[i]) {
			return false
		}
	}
	return true
}
