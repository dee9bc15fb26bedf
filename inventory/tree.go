package inventory

import (
	"fmt"
	"io"
	"maps"
	"slices"
)

// WriteGraph prints the groups as a tree, with the hosts that each names itself
// as a folded list.
func (inv *Inventory) WriteGraph(w io.Writer) error {
	child := map[string]bool{}
	for _, g := range inv.Groups {
		for _, c := range g.Children {
			child[c] = true
		}
	}
	fmt.Fprintf(w, "all (%d hosts)\n", len(inv.Hosts))
	grouped := map[*Host]bool{}
	for _, name := range slices.Sorted(maps.Keys(inv.Groups)) {
		if name == "all" {
			continue
		}
		for _, h := range inv.Groups[name].Hosts {
			grouped[h] = true
		}
		if !child[name] {
			inv.writeGroup(w, name, "  ")
		}
	}
	var alone []string
	for _, h := range inv.Hosts {
		if !grouped[h] {
			alone = append(alone, h.Name)
		}
	}
	if len(alone) > 0 {
		fmt.Fprintf(w, "  %s\n", FoldNames(alone))
	}
	return nil
}

func (inv *Inventory) writeGroup(w io.Writer, name, indent string) {
	g := inv.Groups[name]
	fmt.Fprintf(w, "%s%s (%s)\n", indent, name, plural(len(g.Hosts), "host"))
	below := map[*Host]bool{}
	for _, c := range g.Children {
		for _, h := range inv.Groups[c].Hosts {
			below[h] = true
		}
		inv.writeGroup(w, c, indent+"  ")
	}
	var own []string
	for _, h := range g.Hosts {
		if !below[h] {
			own = append(own, h.Name)
		}
	}
	if len(own) > 0 {
		fmt.Fprintf(w, "%s  %s\n", indent, FoldNames(own))
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
