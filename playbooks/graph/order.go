package graph

import "container/heap"

// Order lists all nodes so that none stands before what it waits for; of those
// that could come next, the smaller id comes first. ok is false when the graph
// has a cycle: then the nodes on and behind cycles are missing.
func (g *Graph) Order() (order []int32, ok bool) {
	q := NewQueue(g)
	for {
		id, more := q.Pop()
		if !more {
			return order, len(order) == g.Len()
		}
		order = append(order, id)
		q.Done(id)
	}
}

// Queue hands out the nodes of a graph whose needs are met. It is not safe for
// concurrent use: one loop owns it.
type Queue struct {
	g     *Graph
	need  []int32
	ready ids
}

// NewQueue starts a walk: every node that waits for nothing is ready.
func NewQueue(g *Graph) *Queue {
	q := &Queue{g: g, need: append([]int32(nil), g.need...)}
	for id, n := range q.need {
		if n == 0 {
			q.ready = append(q.ready, int32(id)) // ascending, so already a heap
		}
	}
	return q
}

// Pop takes the ready node with the smallest id; false when none is ready now.
func (q *Queue) Pop() (int32, bool) {
	if len(q.ready) == 0 {
		return 0, false
	}
	return heap.Pop(&q.ready).(int32), true
}

// Done tells that a node is finished, whatever became of it: what waited for it
// waits for one thing less. It is called once per node.
func (q *Queue) Done(id int32) {
	for _, n := range q.g.next[id] {
		if q.need[n]--; q.need[n] == 0 {
			heap.Push(&q.ready, n)
		}
	}
}

// ids is a heap of node ids, smallest first.
type ids []int32

func (h ids) Len() int           { return len(h) }
func (h ids) Less(i, j int) bool { return h[i] < h[j] }
func (h ids) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *ids) Push(x any)        { *h = append(*h, x.(int32)) }
func (h *ids) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
