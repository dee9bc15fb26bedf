package run

import (
	"muster/playbooks/graph"
	"muster/playbooks/program"
)

// barrier is a point that a whole step, or one of its batches, has to reach: in
// the graph it is one more node, after all of those vertices and before what
// waits for them.
type barrier struct {
	step  int32 // whose failures count
	batch bool
}

// withBarriers gives the program's graph with the barriers as nodes behind the
// vertices: a step of n hosts that m vertices wait for costs n+m edges, not n*m.
func withBarriers(p *program.Program) (*graph.Graph, []barrier) {
	barriers, ofStep := stepBarriers(p)
	n := int32(len(p.Vertices))
	for s, step := range p.Steps {
		for range batches(step) - 1 {
			barriers = append(barriers, barrier{step: int32(s), batch: true})
		}
	}
	g := graph.New(len(p.Vertices) + len(barriers))
	for v := range n {
		for _, next := range p.Graph.Next(v) {
			g.Edge(v, next)
		}
	}
	for s, id := range ofStep {
		for _, v := range p.Steps[s].Vertices {
			g.Edge(v, n+id)
		}
	}
	for _, pair := range p.AfterAll {
		for _, v := range p.Steps[pair[0]].Vertices {
			g.Edge(n+ofStep[pair[1]], v)
		}
	}
	addBatches(g, p, n+int32(len(ofStep)))
	return g, barriers
}

// stepBarriers makes one barrier for each step that another waits for.
func stepBarriers(p *program.Program) (list []barrier, ofStep map[int32]int32) {
	ofStep = map[int32]int32{}
	for _, pair := range p.AfterAll {
		if _, ok := ofStep[pair[1]]; !ok {
			ofStep[pair[1]] = int32(len(list))
			list = append(list, barrier{step: pair[1]})
		}
	}
	return list, ofStep
}

// addBatches puts a barrier between one batch of a step and the next; id is the
// first one's node.
func addBatches(g *graph.Graph, p *program.Program, id int32) {
	for _, step := range p.Steps {
		for b := 1; b < batches(step); b++ {
			if b > 1 { // a batch of hosts that need nothing must not overtake the one before
				g.Edge(id-1, id)
			}
			for i, v := range step.Vertices {
				switch i / step.Batch {
				case b - 1:
					g.Edge(v, id)
				case b:
					g.Edge(id, v)
				}
			}
			id++
		}
	}
}

func batches(s program.Step) int {
	if s.Batch <= 0 {
		return 1
	}
	return max(1, (len(s.Vertices)+s.Batch-1)/s.Batch)
}
