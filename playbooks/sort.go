package playbooks

import (
	"fmt"
	"strings"

	"muster/inventory/lang"
	"muster/playbooks/graph"
)

// sort puts the step blocks into the order in which a host runs them: each after
// what it waits for, and otherwise as the files have them. Every cycle is an
// error. One order for all hosts makes this linear, however many there are.
func (c *compiler) sort() {
	g := graph.New(len(c.defs))
	seen := map[[2]int32]bool{}
	for _, e := range c.edges {
		pair := [2]int32{e.to.id, e.from.id}
		if !seen[pair] {
			seen[pair] = true
			g.Edge(e.to.id, e.from.id)
		}
	}
	order, ok := g.Order()
	if ok {
		c.order = order
		return
	}
	for _, cycle := range g.Cycles(maxCycles) {
		c.cycle(cycle)
	}
	for id := range c.defs { // a later pass may still find other mistakes
		c.order = append(c.order, int32(id))
	}
}

// maxCycleLines is how many steps of a cycle are written out.
const maxCycleLines = 20

// cycle reports one cycle with the line of each edge. ids follow the edges from
// what is waited for to what waits; people read it the other way round.
func (c *compiler) cycle(ids []int32) {
	var lines []string
	var first edge
	for i, n := 0, len(ids); i < n; i++ {
		e := c.edgeOf(ids[(n-i)%n], ids[n-i-1])
		if i == 0 {
			first = e
		}
		word := "after"
		if e.ref.all {
			word = "after_all"
		}
		lines = append(lines, fmt.Sprintf("%s waits for %s: %s = [%s] at %s",
			e.from.label(), e.to.label(), word, e.ref.text, lang.Where(e.ref.rng)))
	}
	if more := len(lines) - maxCycleLines; more > 0 {
		lines = append(lines[:maxCycleLines:maxCycleLines], fmt.Sprintf("and so on for %d more steps, back to %s", more, first.from.label()))
	}
	c.errorf(first.ref.rng, "Cycle of steps", "Each of these steps waits for the next, so none can start:\n%s.",
		strings.Join(lines, ";\n"))
}

func (c *compiler) edgeOf(from, to int32) edge {
	for _, e := range c.edges {
		if e.from.id == from && e.to.id == to {
			return e
		}
	}
	panic("playbooks: a cycle has an edge that no step has")
}
