package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"muster/inventory/hostlist"
	"muster/inventory/lang"
)

// maxGroupDepth is how deep groups may nest.
const maxGroupDepth = 100

// groupDecl is what the blocks say about one group. Groups that only a host
// names have no block.
type groupDecl struct {
	name     string
	block    bool
	layer    *layer
	children []ref
	hosts    []ref
	rng      hcl.Range
}

func (l *loader) group(b *hclsyntax.Block) {
	name, rng := b.Labels[0], b.LabelRanges[0]
	attributes := []string{"children", "hosts", "vars"}
	if name == "all" {
		attributes = []string{"vars"}
	}
	lay := l.layer(b, fmt.Sprintf("group %q", name), "group "+name, attributes)
	if !isName(name) {
		l.add(badName("group", name, rng))
		return
	}
	g := l.groupNamed(name, rng)
	if g.block {
		l.add(lang.Diag("Duplicate group", fmt.Sprintf("%q already has a block at %s.", name, lang.Where(g.rng)), rng))
		return
	}
	g.block, g.layer, g.rng = true, lay, b.DefRange()
	if name != "all" {
		g.children, g.hosts = l.refs(b.Body, "children"), l.refs(b.Body, "hosts")
	}
}

func (l *loader) groupNamed(name string, rng hcl.Range) *groupDecl {
	g := l.groups[name]
	if g == nil {
		g = &groupDecl{name: name, rng: rng, layer: &layer{from: "group " + name}}
		l.groups[name] = g
		l.names = append(l.names, name)
	}
	return g
}

// link checks every name against every other: groups named by hosts exist by
// that, all other names must be declared.
func (l *loader) link() {
	if len(l.order) == 0 && !l.diags.HasErrors() {
		l.add(lang.Diag("No hosts", `The inventory has no host. Write hosts "node[1-4]" { ... }.`,
			hcl.Range{Filename: l.inv.Source.Paths[0]}))
	}
	l.groupNamed("all", hcl.Range{})
	for _, h := range l.order {
		for _, g := range h.groups {
			if !isName(g.name) {
				l.addOnce(badName("group", g.name, g.rng))
				continue
			}
			l.groupNamed(g.name, g.rng)
		}
	}
	for _, name := range l.names {
		l.linkGroup(l.groups[name])
	}
	for _, name := range l.names {
		if h := l.hosts[name]; h != nil {
			l.add(lang.Diag("Host and group of one name",
				fmt.Sprintf("%q is also the host at %s. Patterns could not tell them apart.", name, lang.Where(h.decl)),
				l.groups[name].rng))
		}
	}
	if !l.diags.HasErrors() {
		l.checkCycles()
	}
	if !l.diags.HasErrors() {
		l.members()
	}
}

// addOnce keeps what is wrong with a range from being said for each of its hosts.
func (l *loader) addOnce(d *hcl.Diagnostic) {
	key := d.Summary + lang.Where(*d.Subject) + d.Detail
	if !l.clashes[key] {
		l.clashes[key] = true
		l.add(d)
	}
}

// linkGroup resolves the children and hosts that a group's block names.
func (l *loader) linkGroup(g *groupDecl) {
	for _, c := range g.children {
		if l.groups[c.name] == nil {
			l.add(lang.Diag("Unknown group", fmt.Sprintf("No group and no host's groups name %q.%s",
				c.name, lang.DidYouMean(c.name, l.names)), c.rng))
		}
	}
	for _, r := range g.hosts {
		names, err := hostlist.Expand(r.name)
		if err != nil {
			l.add(lang.Diag("Bad range", capital(err.Error())+".", r.rng))
			continue
		}
		for _, name := range names {
			h := l.hosts[name]
			if h == nil {
				l.add(lang.Diag("Unknown host", fmt.Sprintf("The inventory has no host %q.%s",
					name, lang.DidYouMean(name, slices.Collect(maps.Keys(l.hosts)))), r.rng))
				break
			}
			h.groups = append(h.groups, ref{g.name, r.rng})
		}
	}
}

// checkCycles reports each edge that closes a circle of groups, with the circle.
func (l *loader) checkCycles() {
	state := map[string]int{} // 1: on the path, 2: done
	var path []string
	var visit func(g *groupDecl)
	visit = func(g *groupDecl) {
		state[g.name] = 1
		path = append(path, g.name)
		for _, c := range g.children {
			switch {
			case state[c.name] == 1:
				circle := append(slices.Clone(path[slices.Index(path, c.name):]), c.name)
				l.add(lang.Diag("Cycle of groups", fmt.Sprintf("A group may not contain itself: %s.",
					strings.Join(circle, " > ")), c.rng))
			case len(path) >= maxGroupDepth:
				l.add(lang.Diag("Nested too deeply", fmt.Sprintf("Groups may nest %d deep.", maxGroupDepth), c.rng))
			case state[c.name] == 0:
				visit(l.groups[c.name])
			}
		}
		path = path[:len(path)-1]
		state[g.name] = 2
	}
	for _, name := range l.names {
		if state[name] == 0 {
			visit(l.groups[name])
		}
	}
}

// members gives each group all groups below it, and each host all its groups.
func (l *loader) members() {
	parents := map[string][]string{}
	for _, name := range l.names {
		for _, c := range l.groups[name].children {
			parents[c.name] = append(parents[c.name], name)
		}
	}
	above := map[string]map[string]bool{}
	var climb func(name string) map[string]bool
	climb = func(name string) map[string]bool {
		if set, done := above[name]; done {
			return set
		}
		set := map[string]bool{}
		for _, p := range parents[name] {
			set[p] = true
			maps.Copy(set, climb(p))
		}
		above[name] = set
		return set
	}
	for _, name := range l.names {
		l.inv.Groups[name] = l.newGroup(l.groups[name])
		l.below[name] = map[string]bool{}
	}
	for _, name := range l.names {
		for up := range climb(name) {
			l.below[up][name] = true
		}
	}
	for _, d := range l.order {
		l.newHost(d, above)
	}
	l.checkEmpty()
}

func (l *loader) checkEmpty() {
	for _, name := range l.names {
		if g := l.inv.Groups[name]; l.groups[name].block && len(g.Hosts) == 0 {
			l.add(lang.Diag("Empty group", fmt.Sprintf("No host is in %q or in a group below it. "+
				"Name it in a host's groups, or remove it.", name), g.Range))
		}
	}
}
