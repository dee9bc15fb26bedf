package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"muster/inventory/lang"
)

// level is what all hosts with the same groups have in common.
type level struct {
	vars, conn map[string]Var
}

func (l *loader) newGroup(d *groupDecl) *Group {
	g := &Group{Name: d.name, Vars: map[string]cty.Value{}, Range: d.rng}
	for _, c := range d.children {
		if !slices.Contains(g.Children, c.name) {
			g.Children = append(g.Children, c.name)
		}
	}
	for k, v := range d.layer.vars {
		g.Vars[k] = v.Value
	}
	return g
}

// newHost makes a host and enters it into all its groups.
func (l *loader) newHost(d *hostDecl, above map[string]map[string]bool) {
	set := map[string]bool{"all": true}
	for _, g := range d.groups {
		set[g.name] = true
		maps.Copy(set, above[g.name])
	}
	h := &Host{Name: d.name, Address: d.address.name, DeclRange: d.decl, Groups: slices.Sorted(maps.Keys(set))}
	if h.Address == "" {
		h.Address = h.Name
	}
	l.inv.Hosts = append(l.inv.Hosts, h)
	l.inv.hosts[h.Name] = h
	for _, name := range h.Groups {
		g := l.inv.Groups[name]
		g.Hosts = append(g.Hosts, h)
	}
}

// finish computes every host's final variables and connection.
func (l *loader) finish(o Options) {
	for _, key := range slices.Sorted(maps.Keys(o.Extra)) {
		if !hclsyntax.ValidIdentifier(key) {
			l.add(&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Bad name",
				Detail: fmt.Sprintf("-e %s=...: %q is no name of a variable.", key, key)})
		}
	}
	for _, d := range l.order {
		h := l.inv.hosts[d.name]
		common := l.level(h.Groups)
		h.Vars, h.ConnectionFrom = maps.Clone(common.vars), maps.Clone(common.conn)
		for _, lay := range []*layer{d.ofRange, d.own} {
			if lay != nil {
				maps.Copy(h.Vars, lay.vars)
				maps.Copy(h.ConnectionFrom, lay.conn)
			}
		}
		for key, text := range o.Extra {
			l.extra(h, key, text)
		}
		h.Connection = connect(h.ConnectionFrom, l.inv.Dir)
	}
	l.checkAddresses()
}

// extra sets one -e value, as the type of the value it replaces.
func (l *loader) extra(h *Host, key, text string) {
	v := cty.StringVal(text)
	if old, found := h.Vars[key]; found && old.Value.Type() != cty.DynamicPseudoType {
		typed, ok := l.typed(key, text, old.Value.Type())
		if !ok {
			l.clash("-e "+key, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Wrong type",
				Detail: fmt.Sprintf("-e %s=...: the variable is %s at %s.", key, kindName(old.Value.Type()), lang.Where(old.Range))})
			return
		}
		v = typed
	}
	h.Vars[key] = Var{Value: v, From: "-e"}
}

// typed reads the text of -e as the type of the value that it replaces: lists and
// maps are written as in the inventory, and may have other elements.
func (l *loader) typed(key, text string, t cty.Type) (cty.Value, bool) {
	if t.IsPrimitiveType() {
		v, err := convert.Convert(cty.StringVal(text), t)
		return v, err == nil
	}
	v, done := l.literals[key]
	if !done {
		v, _ = lang.Literal("-e", text) // what is wrong with it is said in the words of -e
		l.literals[key] = v
	}
	return v, v.IsWhollyKnown() && !v.IsNull() && kindName(v.Type()) == kindName(t)
}

// kindName is a type in the words of somebody who writes a value.
func kindName(t cty.Type) string {
	switch {
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "a list, written [1, 2]"
	case t.IsObjectType() || t.IsMapType():
		return "a map, written { key = 1 }"
	}
	return "a " + t.FriendlyName()
}

func (l *loader) clash(key string, d *hcl.Diagnostic) {
	if !l.clashes[key] {
		l.clashes[key] = true
		l.add(d)
	}
}

// level merges the variables of a set of groups, "all" first. Hosts with the
// same groups share the work.
func (l *loader) level(groups []string) level {
	key := strings.Join(groups, "\x00")
	if lev, done := l.levels[key]; done {
		return lev
	}
	all := l.groups["all"].layer
	lev := level{vars: map[string]Var{}, conn: maps.Clone(l.conn)}
	maps.Copy(lev.vars, all.vars)
	maps.Copy(lev.conn, all.conn)
	l.merge(lev.vars, groups, "variable", func(lay *layer) map[string]Var { return lay.vars })
	l.merge(lev.conn, groups, "connection attribute", func(lay *layer) map[string]Var { return lay.conn })
	l.levels[key] = lev
	return lev
}

// merge takes each value from the lowest group that sets it. Two groups of
// which neither contains the other must agree: an order by name would be chance.
func (l *loader) merge(into map[string]Var, groups []string, what string, of func(*layer) map[string]Var) {
	setBy := map[string][]string{}
	for _, name := range groups {
		for key := range of(l.groups[name].layer) {
			if name != "all" {
				setBy[key] = append(setBy[key], name)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(setBy)) {
		lowest := slices.DeleteFunc(slices.Clone(setBy[key]), func(g string) bool {
			return slices.ContainsFunc(setBy[key], func(other string) bool { return l.below[g][other] })
		})
		first := of(l.groups[lowest[0]].layer)[key]
		for _, name := range lowest[1:] {
			v := of(l.groups[name].layer)[key]
			if !v.Value.RawEquals(first.Value) {
				l.clash(what+key+lowest[0]+" "+name, lang.Diag("Two groups disagree",
					fmt.Sprintf("The %s %q is set by %q and, at %s, by %q, and a host is in both. "+
						"Make one group a child of the other, or set it on the host.",
						what, key, name, lang.Where(first.Range), lowest[0]), v.Range))
			}
		}
		into[key] = first
	}
}

// checkAddresses finds hosts that would be the same machine. Behind different
// jump hosts one private address may be two machines.
func (l *loader) checkAddresses() {
	first := map[string]*Host{}
	for _, d := range l.order {
		h := l.inv.hosts[d.name]
		if h.Connection.Local {
			continue
		}
		key := fmt.Sprint(h.Address, " ", h.Connection.Port, " ", h.Connection.Jump)
		other, twice := first[key]
		if !twice {
			first[key] = h
			continue
		}
		rng := d.address.rng
		if d.address.name == "" {
			rng = d.decl
		}
		l.addOnce(lang.Diag("Duplicate address", fmt.Sprintf("%s has the address %s port %d, as has %s at %s.",
			h.Name, h.Address, h.Connection.Port, other.Name, lang.Where(other.DeclRange)), rng))
	}
}
