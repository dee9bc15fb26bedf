// Package graph is a dependency graph over dense integer ids and the ready
// queue that walks it. It knows nothing of hosts or modules.
package graph

// Graph is a set of nodes 0..N-1 and edges between them.
type Graph struct {
	next [][]int32 // edges from a node to those that wait for it
	need []int32   // number of edges into a node
}

// New makes a graph of n nodes without edges.
func New(n int) *Graph { return &Graph{next: make([][]int32, n), need: make([]int32, n)} }

// Len is the number of nodes.
func (g *Graph) Len() int { return len(g.next) }

// Edge makes to wait for from.
func (g *Graph) Edge(from, to int32) {
	g.next[from] = append(g.next[from], to)
	g.need[to]++
}

// Next lists the nodes that wait for id.
func (g *Graph) Next(id int32) []int32 { return g.next[id] }
