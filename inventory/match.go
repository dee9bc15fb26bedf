package inventory

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"muster/inventory/hostlist"
	"muster/inventory/lang"
)

// term is one part of a pattern.
type term struct {
	text     string
	op       byte // 0: add, '&': only those, '!': not those
	optional bool // may match nothing
}

// Match gives the hosts of a pattern, in inventory order and each once. A
// pattern is a list of terms with , or : between them; a term is a host, a
// group, "all", a range (dgx[001-032]), a glob (dgx*) or @FILE with one pattern
// a line. Terms beginning with & narrow what the others select, those with !
// remove from it, wherever they stand. A term that matches nothing is an error
// unless it ends in ?, and so is a pattern that selects no host.
func (inv *Inventory) Match(pattern string) ([]*Host, error) {
	selected, optional, err := inv.match(pattern, true)
	if err != nil {
		return nil, err
	}
	if len(selected) == 0 && !optional {
		return nil, fmt.Errorf("pattern %q: no host is left", pattern)
	}
	var out []*Host
	for _, h := range inv.Hosts {
		if selected[h] {
			out = append(out, h)
		}
	}
	return out, nil
}

// match gives the set of a pattern, and whether it may be empty.
func (inv *Inventory) match(pattern string, files bool) (map[*Host]bool, bool, error) {
	terms, err := parsePattern(pattern)
	if err != nil {
		return nil, false, err
	}
	selected := map[*Host]bool{}
	sets := make([]map[*Host]bool, len(terms))
	optional := false
	for i, t := range terms {
		if sets[i], err = inv.term(t, files); err != nil {
			return nil, false, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		optional = optional || t.optional
		if t.op == 0 {
			maps.Copy(selected, sets[i])
		}
	}
	if !adds(terms) {
		for _, h := range inv.Hosts {
			selected[h] = true
		}
	}
	for i, t := range terms {
		if t.op != 0 {
			maps.DeleteFunc(selected, func(h *Host, _ bool) bool { return sets[i][h] == (t.op == '!') })
		}
	}
	return selected, optional, nil
}

// parsePattern cuts a pattern at , and : outside brackets.
func parsePattern(pattern string) ([]term, error) {
	depth := 0
	cut := strings.Map(func(r rune) rune {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case r == ':' && depth == 0:
			return ','
		}
		return r
	}, pattern)
	parts, err := hostlist.Split(cut)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: an empty term, or brackets that do not match", pattern)
	}
	var out []term
	for _, part := range parts {
		t := term{text: part}
		if part[0] == '&' || part[0] == '!' {
			t.op, t.text = part[0], strings.TrimSpace(part[1:])
		}
		if rest, found := strings.CutSuffix(t.text, "?"); found {
			t.optional, t.text = true, rest
		}
		if t.text == "" {
			return nil, fmt.Errorf("pattern %q: an empty term", pattern)
		}
		out = append(out, t)
	}
	return out, nil
}

// term gives the hosts of one term.
func (inv *Inventory) term(t term, files bool) (map[*Host]bool, error) {
	out := map[*Host]bool{}
	if file, found := strings.CutPrefix(t.text, "@"); found {
		if !files {
			return nil, fmt.Errorf("@%s: a pattern file may not name another one", file)
		}
		err := inv.patternFile(out, file)
		if err == nil && len(out) == 0 && !t.optional {
			err = fmt.Errorf("@%s: the file selects no host", file)
		}
		return out, err
	}
	names, err := hostlist.Expand(t.text)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		found, err := inv.named(out, name)
		if err != nil {
			return nil, err
		}
		if !found && !t.optional {
			return nil, inv.unknown(name)
		}
	}
	return out, nil
}

// named adds the host or the group of a name, or all that a glob matches.
func (inv *Inventory) named(out map[*Host]bool, name string) (bool, error) {
	if !strings.Contains(name, "*") {
		if h := inv.hosts[name]; h != nil {
			out[h] = true
			return true, nil
		}
		return inv.addGroup(out, name), nil
	}
	if strings.ContainsAny(name, `\?`) {
		return false, fmt.Errorf("%q: of globs only * is known", name)
	}
	found := false
	for _, h := range inv.Hosts {
		if ok, _ := path.Match(name, h.Name); ok {
			out[h], found = true, true
		}
	}
	for group := range inv.Groups {
		if ok, _ := path.Match(name, group); ok {
			found = inv.addGroup(out, group) || found
		}
	}
	return found, nil
}

func (inv *Inventory) addGroup(out map[*Host]bool, name string) bool {
	g := inv.Groups[name]
	if g == nil {
		return false
	}
	for _, h := range g.Hosts {
		out[h] = true
	}
	return true
}

func (inv *Inventory) unknown(name string) error {
	names := slices.Sorted(maps.Keys(inv.Groups))
	for _, h := range inv.Hosts {
		names = append(names, h.Name)
	}
	if strings.Contains(name, "*") {
		return fmt.Errorf("no host and no group matches %q", name)
	}
	near := lang.Suggest(name, names)
	if near != "" {
		near = fmt.Sprintf("; did you mean %q?", near)
	}
	return fmt.Errorf("no host and no group is named %q%s", name, near)
}

// FoldNames writes host names as one folded list: "dgx[001-028,030]".
func FoldNames(names []string) string { return hostlist.Fold(names) }
