package playbooks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"

	"muster/inventory/hostlist"
	"muster/inventory/lang"
	"muster/playbooks/graph"
	"muster/playbooks/program"
)

// program lays the compiled steps out as vertices on dense ids. The vertices of
// one step are consecutive, and steps follow one another as hosts run them, so
// that one array holds all lists of vertices.
func (c *compiler) program() *program.Program {
	p := &program.Program{Playbook: c.units[0].pb.origin.name, Cluster: c.inv.Cluster.Name}
	c.steps = slices.DeleteFunc(c.steps, func(s *step) bool { return len(s.selected) == 0 })
	place := c.placeHosts(p)
	total := 0
	for i, s := range c.steps {
		s.id = int32(i)
		total += len(s.selected)
		p.Steps = append(p.Steps, program.Step{
			Name: s.name(), Module: s.def.module.Name, Pos: lang.Where(s.def.block.DefRange()),
			Batch: s.batch, MaxFail: s.maxFail, Timeout: s.timeout,
		})
	}
	ids := make([]int32, total)
	for i := range ids {
		ids[i] = int32(i)
	}
	p.Vertices = make([]program.Vertex, 0, total)
	for _, d := range c.order {
		for _, s := range c.defs[d].steps {
			c.placeVertices(p, s, place, ids)
		}
	}
	p.Graph = graph.New(total)
	c.link(p)
	p.Digest = c.digest(p)
	p.Bind = newBinder(c, p)
	return p
}

// placeHosts lists the hosts that have a vertex and gives the place of each
// inventory host among them.
func (c *compiler) placeHosts(p *program.Program) []int32 {
	used := make([]bool, len(c.inv.Hosts))
	for _, s := range c.steps {
		for _, h := range s.selected {
			used[h] = true
		}
	}
	place := make([]int32, len(used))
	for i, h := range c.inv.Hosts {
		if used[i] {
			place[i] = int32(len(p.Hosts))
			p.Hosts = append(p.Hosts, program.Host{Name: h.Name, Address: h.Address})
		}
	}
	return place
}

func (c *compiler) placeVertices(p *program.Program, s *step, place, ids []int32) {
	if len(s.selected) == 0 {
		return
	}
	s.first = int32(len(p.Vertices))
	for _, h := range s.selected {
		p.Vertices = append(p.Vertices, program.Vertex{Step: s.id, Host: place[h]})
	}
	p.Steps[s.id].Vertices = ids[s.first:len(p.Vertices):len(p.Vertices)]
}

// link draws the edges: `after` between the vertices of one host, `after_all`
// between steps. What is waited for outside the limit is assumed to be done.
func (c *compiler) link(p *program.Program) {
	l := &linker{c: c, p: p, seen: map[[2]int32]bool{}, seenAll: map[[2]int32]bool{}, assumed: map[string]bool{}}
	for _, e := range c.edges {
		for _, from := range e.from.steps {
			if len(from.selected) > 0 {
				l.step(from, e)
			}
		}
	}
	p.Assumed = slices.Sorted(maps.Keys(l.assumed))
}

// linker draws each edge once, however often the playbook says it.
type linker struct {
	c             *compiler
	p             *program.Program
	seen, seenAll map[[2]int32]bool
	assumed       map[string]bool
}

// step makes one step wait for those that an edge means.
func (l *linker) step(from *step, e edge) {
	for _, to := range e.ref.targets(e.to) {
		pair := [2]int32{from.id, to.id}
		switch {
		case e.ref.all:
			l.c.assume(to, l.assumed)
			if len(to.selected) > 0 && !l.seenAll[pair] {
				l.seenAll[pair] = true
				l.p.AfterAll = append(l.p.AfterAll, pair)
			}
		case len(to.selected) > 0 && !l.seen[pair]:
			l.seen[pair] = true
			linkHosts(l.p.Graph, from, to)
		}
	}
}

// linkHosts makes from wait for to on each host that both have.
func linkHosts(g *graph.Graph, from, to *step) {
	for i, j := 0, 0; i < len(from.selected) && j < len(to.selected); {
		a, b := from.selected[i], to.selected[j]
		if a == b {
			g.Edge(to.first+int32(j), from.first+int32(i))
		}
		if a <= b {
			i++
		}
		if b <= a {
			j++
		}
	}
}

func (c *compiler) assume(to *step, assumed map[string]bool) {
	if len(to.selected) == len(to.all) {
		return
	}
	var outside []int32
	for _, h := range to.all {
		if !c.chosen[h] {
			outside = append(outside, h)
		}
	}
	assumed[to.name()+"@"+hostlist.Fold(c.fleet.names(outside))] = true
}

// digest covers all that decides what a program does, but for the values of
// sensitive variables: a digest of those would be a way to guess them.
func (c *compiler) digest(p *program.Program) string {
	sum := sha256.New()
	line(sum, "inventory", c.inv.Digest)
	for _, src := range c.sources {
		line(sum, "playbook", src.Digest)
	}
	hidden := map[string]bool{}
	for _, v := range c.units[0].pb.variables {
		hidden[v.name] = v.sensitive
	}
	for _, name := range slices.Sorted(maps.Keys(c.o.Vars)) {
		if !hidden[name] {
			line(sum, "var "+name, c.o.Vars[name])
		}
	}
	for _, h := range p.Hosts {
		line(sum, "host", h.Name)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func line(sum hash.Hash, what, value string) { fmt.Fprintf(sum, "%q %q\n", what, value) }
