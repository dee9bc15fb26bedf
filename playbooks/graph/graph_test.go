package graph

import (
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
	"pgregory.net/rapid"
)

// draw makes a small random graph without parallel edges or self-loops, and the
// same one for gonum.
func draw(t *rapid.T) (*Graph, *simple.DirectedGraph) {
	n := rapid.IntRange(1, 7).Draw(t, "nodes")
	g, oracle := New(n), simple.NewDirectedGraph()
	for i := range n {
		oracle.AddNode(simple.Node(i))
	}
	for from := range n {
		for to := range n {
			if from != to && rapid.Float64Range(0, 1).Draw(t, "edge") < 0.3 {
				g.Edge(int32(from), int32(to))
				oracle.SetEdge(oracle.NewEdge(simple.Node(from), simple.Node(to)))
			}
		}
	}
	return g, oracle
}

func TestCyclesAgainstGonum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, oracle := draw(t)
		var want [][]int32
		for _, c := range topo.DirectedCyclesIn(oracle) {
			var ids []int32
			for _, n := range c[:len(c)-1] {
				ids = append(ids, int32(n.ID()))
			}
			least := slices.Index(ids, slices.Min(ids))
			want = append(want, append(slices.Clone(ids[least:]), ids[:least]...))
		}
		slices.SortFunc(want, byLength)
		got := g.Cycles(1 << 20)
		if !slices.EqualFunc(got, want, slices.Equal[[]int32]) {
			t.Fatalf("cycles: got %v, gonum finds %v", got, want)
		}
		if _, ok := g.Order(); ok != (len(want) == 0) {
			t.Fatalf("order ok=%v with %d cycles", ok, len(want))
		}
	})
}

func byLength(a, b []int32) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return slices.Compare(a, b)
}

func TestSelfLoopAndLimit(t *testing.T) {
	g := New(3)
	g.Edge(2, 2)
	g.Edge(0, 1)
	g.Edge(1, 0)
	if got := g.Cycles(10); len(got) != 2 || !slices.Equal(got[0], []int32{2}) || !slices.Equal(got[1], []int32{0, 1}) {
		t.Errorf("cycles: %v", got)
	}
	if got := g.Cycles(1); len(got) != 1 {
		t.Errorf("limit 1 gave %v", got)
	}
}

// TestLargeCycles: what would take hours to enumerate is reported in a moment, and
// every part of the graph that has a cycle is.
func TestLargeCycles(t *testing.T) {
	const n = 3000
	ring := New(n + 2)
	for i := range int32(n) {
		ring.Edge(i, (i+1)%n)
	}
	ring.Edge(n, n+1)
	ring.Edge(n+1, n)
	dense := New(200)
	for i := range int32(200) {
		for j := range int32(200) {
			dense.Edge(i, j)
		}
	}
	began := time.Now()
	if got := ring.Cycles(20); len(got) != 2 || len(got[0]) != 2 || len(got[1]) != n || got[1][0] != 0 || got[1][n-1] != n-1 {
		t.Errorf("%d cycles of a ring and a pair", len(got))
	}
	if got := dense.Cycles(300); len(got) != 300 || len(got[0]) != 1 || len(got[299]) != 2 {
		t.Errorf("%d cycles of a dense graph", len(got))
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestOrderLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "nodes")
		perm := rapid.Permutation(seq(n)).Draw(t, "perm")
		g := New(n)
		for range rapid.IntRange(0, 80).Draw(t, "edges") {
			a, b := rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n-1).Draw(t, "b")
			if a < b {
				g.Edge(perm[a], perm[b])
			}
		}
		order, ok := g.Order()
		if !ok || len(order) != n {
			t.Fatalf("order %v of %d nodes, ok=%v", order, n, ok)
		}
		at := make([]int, n)
		for i, id := range order {
			at[id] = i
		}
		for id := range int32(n) {
			for _, next := range g.Next(id) {
				if at[next] < at[id] {
					t.Fatalf("%d before %d in %v", next, id, order)
				}
			}
		}
		checkSmallestFirst(t, g, order)
	})
}

// checkSmallestFirst: no node could have come earlier in place of a larger one.
func checkSmallestFirst(t *rapid.T, g *Graph, order []int32) {
	need := slices.Clone(g.need)
	ready := map[int32]bool{}
	for id, n := range need {
		ready[int32(id)] = n == 0
	}
	for _, id := range order {
		for other, ok := range ready {
			if ok && other < id {
				t.Fatalf("%d was ready when %d was taken: %v", other, id, order)
			}
		}
		ready[id] = false
		for _, n := range g.Next(id) {
			if need[n]--; need[n] == 0 {
				ready[n] = true
			}
		}
	}
}

func seq(n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

func TestHundredThousandNodes(t *testing.T) {
	const n = 100_000
	g := New(n)
	for i := range int32(n - 1) {
		g.Edge(i, i+1)
		if i+100 < n {
			g.Edge(i, i+100)
		}
	}
	start := time.Now()
	order, ok := g.Order()
	if took := time.Since(start); !ok || len(order) != n || took > time.Second {
		t.Errorf("walk of %d nodes: ok=%v after %v", len(order), ok, took)
	}
}

func BenchmarkOrder100k(b *testing.B) {
	const n = 100_000
	g := New(n)
	for i := range int32(n - 60) {
		g.Edge(i, i+60)
	}
	for b.Loop() {
		g.Order()
	}
}
