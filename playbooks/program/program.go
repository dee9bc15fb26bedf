// Package program is what a playbook compiles to: steps on hosts and the edges
// between them, with no trace of the language it was written in.
package program

import (
	"context"
	"time"

	"muster/modules/machine"
	"muster/playbooks/graph"
)

// Program is a compiled playbook for a selection of hosts.
type Program struct {
	Playbook string // as named on the command line
	Cluster  string
	Hosts    []Host // the selected hosts, in inventory order
	Steps    []Step // in file order
	Vertices []Vertex
	// Graph has one node per vertex, with the same ids. Its edges are `after`, on
	// one host.
	Graph *graph.Graph
	// AfterAll are pairs of step indices: the step that waits and the step that it
	// waits for on all hosts. They are kept apart because as edges they would be
	// hosts times hosts.
	AfterAll [][2]int32
	// Assumed are edges that leave the selection: `slurm_controller[main]@mgmt01`
	// is taken to be done.
	Assumed []string
	// Digest covers inventory, playbooks, variables and selection.
	Digest string
	Bind   Binder
}

// Host is one selected host.
type Host struct {
	Name    string
	Address string
}

// Step is one step block (one element of its for_each).
type Step struct {
	Name   string // slurm_node[compute], with key: user[people.alice]
	Module string
	Pos    string // playbook file:line,column
	// Batch is how many hosts run the step at once, 0 for all.
	Batch int
	// MaxFail is how many hosts may fail before what waits for the whole step, and
	// its later batches, stop.
	MaxFail int
	Timeout time.Duration
	// Vertices of the step, in host order.
	Vertices []int32
}

// Vertex is a step on a host. Vertices of one host stand in the order they run.
type Vertex struct {
	Step int32
	Host int32
}

// Name gives slurm_node[compute]@dgx07.
func (p *Program) Name(v int32) string {
	x := p.Vertices[v]
	return p.Steps[x.Step].Name + "@" + p.Hosts[x.Host].Name
}

// Request is a vertex with its evaluated configuration.
type Request struct {
	Vertex int32
	Config []byte // modules.Encode
	// Skip is why the vertex does not run ("when is false"); empty otherwise.
	Skip string
	// Pending says that the configuration holds a secret that is made at apply.
	Pending bool
}

// Binder evaluates what depends on facts.
type Binder interface {
	// Requests evaluates all vertices of a host, with the facts of all hosts (host
	// name to facts; hosts never reached are missing).
	Requests(host int32, facts map[string]machine.Facts) ([]Request, error)
	// Materialise makes the generated secrets that are still pending.
	Materialise(ctx context.Context) error
}
