package graph

import "slices"

// Cycles finds the elementary cycles, shortest first and then by their ids, at
// most limit of them. A cycle is written from its smallest id and its first node
// is not repeated; a node that waits for itself is a cycle of one. Their number
// can be exponential, and so can be the search for a long one: beyond a bounded
// amount of work only one cycle is found of each part of the graph that has any. It
// is meant for graphs of steps.
func (g *Graph) Cycles(limit int) [][]int32 {
	c := &cycles{g: g, limit: limit, work: maxWork, part: g.components(), seen: make([]bool, g.Len())}
	for _, bound := range c.bounds() {
		c.length = bound
		for start := range int32(g.Len()) {
			c.from(start)
		}
		if len(c.found) >= limit {
			break
		}
		if c.work <= 0 {
			c.onePerPart()
			break
		}
	}
	return c.found
}

// maxWork is how many edges the search for cycles looks at: about a tenth of a
// second. A playbook that people write needs some thousand.
const maxWork = 10_000_000

// cycles is a depth-first search for cycles of exactly one length.
type cycles struct {
	g      *Graph
	limit  int
	work   int // edges that may still be looked at
	length int
	part   []int32 // strongly connected component of each node
	back   []int32 // edges from each node back to the start, -1 for none
	seen   []bool  // on the path
	path   []int32
	found  [][]int32
}

// bounds lists the lengths that a cycle can have: up to the size of the largest
// component.
func (c *cycles) bounds() []int {
	size := map[int32]int{}
	largest := 0
	for _, p := range c.part {
		size[p]++
		largest = max(largest, size[p])
	}
	out := make([]int, largest)
	for i := range out {
		out[i] = i + 1
	}
	return out
}

// from finds the cycles of the wanted length whose smallest node is start.
func (c *cycles) from(start int32) {
	if len(c.found) >= c.limit || c.work <= 0 {
		return
	}
	c.back = c.distances(start)
	c.walk(start, start)
}

func (c *cycles) walk(start, at int32) {
	c.path, c.seen[at] = append(c.path, at), true
	for _, n := range sortedUnique(c.g.next[at]) {
		c.work--
		switch {
		case len(c.found) >= c.limit || c.work <= 0:
		case n == start && len(c.path) == c.length:
			c.found = append(c.found, slices.Clone(c.path))
		case n <= start || c.seen[n] || c.back[n] < 0:
		case len(c.path)+int(c.back[n]) < c.length+1:
			c.walk(start, n)
		}
	}
	c.path, c.seen[at] = c.path[:len(c.path)-1], false
}

// distances counts the edges from every node of start's component to start,
// through nodes above start only.
func (c *cycles) distances(start int32) []int32 {
	dist := make([]int32, c.g.Len())
	for i := range dist {
		dist[i] = -1
	}
	dist[start] = 0
	for changed := true; changed && c.work > 0; {
		changed = false
		c.work -= len(dist)
		for v := int32(len(dist)) - 1; v > start; v-- {
			if c.part[v] != c.part[start] {
				continue
			}
			c.work -= len(c.g.next[v])
			for _, n := range c.g.next[v] {
				if d := dist[n]; d >= 0 && (dist[v] < 0 || d+1 < dist[v]) {
					dist[v], changed = d+1, true
				}
			}
		}
	}
	return dist
}

// onePerPart adds a cycle of every component that has one and none was found of: the
// shortest through its smallest node.
func (c *cycles) onePerPart() {
	known := map[int32]bool{}
	for _, cycle := range c.found {
		known[c.part[cycle[0]]] = true
	}
	for start := range int32(c.g.Len()) {
		if len(c.found) >= c.limit {
			break
		}
		if part := c.part[start]; !known[part] {
			if cycle := c.through(start); cycle != nil {
				c.found = append(c.found, cycle)
				known[part] = true
			}
		}
	}
	slices.SortStableFunc(c.found, func(a, b []int32) int { return len(a) - len(b) })
}

// through is a shortest cycle through a node, breadth first; nil for none.
func (c *cycles) through(start int32) []int32 {
	from := map[int32]int32{}
	for queue := []int32{start}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, n := range sortedUnique(c.g.next[at]) {
			if n == start {
				cycle := []int32{at}
				for at != start {
					at = from[at]
					cycle = append(cycle, at)
				}
				slices.Reverse(cycle)
				return cycle
			}
			if _, known := from[n]; !known && c.part[n] == c.part[start] {
				from[n] = at
				queue = append(queue, n)
			}
		}
	}
	return nil
}

func sortedUnique(in []int32) []int32 { return slices.Compact(slices.Sorted(slices.Values(in))) }

// components numbers the strongly connected components (Tarjan).
func (g *Graph) components() []int32 {
	t := &tarjan{g: g, index: make([]int32, g.Len()), low: make([]int32, g.Len()), part: make([]int32, g.Len())}
	for i := range t.part {
		t.part[i] = -1
	}
	for v := range int32(g.Len()) {
		if t.index[v] == 0 {
			t.visit(v)
		}
	}
	return t.part
}

type tarjan struct {
	g           *Graph
	index, low  []int32 // from 1; 0 is not visited
	part        []int32 // -1 while open
	stack       []int32
	count, next int32
}

func (t *tarjan) visit(v int32) {
	t.count++
	t.index[v], t.low[v] = t.count, t.count
	t.stack = append(t.stack, v)
	for _, n := range t.g.next[v] {
		if t.index[n] == 0 {
			t.visit(n)
		}
		if t.part[n] < 0 {
			t.low[v] = min(t.low[v], t.low[n])
		}
	}
	if t.low[v] != t.index[v] {
		return
	}
	for {
		n := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.part[n] = t.next
		if n == v {
			break
		}
	}
	t.next++
}
