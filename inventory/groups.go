package inventory

import (
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

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
