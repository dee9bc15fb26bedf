package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"muster/inventory/hostlist"
	"muster/inventory/lang"
)

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
