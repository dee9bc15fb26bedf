package playbooks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// hostPath is a part of `host` that an expression names: host.name, host.vars.rack,
// host.facts.cpus.
type hostPath struct {
	part, name string // name is of a variable or a fact
}

// pathOf is the part of `host` that a traversal is about; ok is false for one that
// takes more than a single part.
func pathOf(part, name string) (path hostPath, ok bool) {
	switch part {
	case "name", "address", "groups":
		return hostPath{part, ""}, true
	case "vars", "facts":
		return hostPath{part, name}, name != ""
	}
	return hostPath{}, false
}

// sorted are paths, each once.
func sorted(paths []hostPath) []hostPath {
	paths = slices.Clone(paths)
	slices.SortFunc(paths, func(a, b hostPath) int { return strings.Compare(a.part+"."+a.name, b.part+"."+b.name) })
	return slices.Compact(paths)
}

// key is the paths' values on host i as one text: hosts with equal keys give an
// expression that names these paths alone the same value. ok is false where a value
// has no text, or is missing: then the host is looked at by itself.
func (v *view) key(paths []hostPath, i int32) (key string, ok bool) {
	h := v.fleet.inv.Hosts[i]
	var b []byte
	for _, p := range paths {
		switch p.part {
		case "name":
			b = fmt.Appendf(b, "%q ", h.Name)
		case "address":
			b = fmt.Appendf(b, "%q ", h.Address)
		case "groups":
			b = fmt.Appendf(b, "%q ", h.Groups)
		case "vars":
			text, typ, ok := v.fleet.varText(i, p.name)
			if !ok {
				return "", false
			}
			b = fmt.Appendf(b, "%s %q ", typ, text)
		case "facts":
			fact, ok := v.fact(i, p.name)
			if !ok {
				return "", false
			}
			b = fmt.Appendf(b, "%#v ", fact)
		}
	}
	return string(b), true
}

func (v *view) fact(i int32, name string) (fact any, ok bool) {
	f, known := v.facts[v.fleet.inv.Hosts[i].Name]
	if !known {
		return nil, false
	}
	return lang.Fact(f, name)
}

// part is `host` for host i with no more in it than the paths: a thousand hosts need
// not become whole values of the language for one of their facts.
func (v *view) part(paths []hostPath, i int32) (host cty.Value, ok bool) {
	h := v.fleet.inv.Hosts[i]
	attrs, vars, facts := map[string]cty.Value{}, map[string]cty.Value{}, map[string]cty.Value{}
	for _, p := range paths {
		switch p.part {
		case "name":
			attrs["name"] = cty.StringVal(h.Name)
		case "address":
			attrs["address"] = cty.StringVal(h.Address)
		case "groups":
			attrs["groups"] = stringList(h.Groups)
		case "vars":
			value, ok := v.fleet.variable(i, p.name)
			if !ok {
				return cty.NilVal, false
			}
			vars[p.name] = value
		case "facts":
			fact, ok := v.fact(i, p.name)
			if !ok {
				return cty.NilVal, false
			}
			facts[p.name] = v.parts.Named(p.name, fact)
		}
	}
	attrs["vars"], attrs["facts"] = cty.ObjectVal(vars), cty.ObjectVal(facts)
	return cty.ObjectVal(attrs), true
}

// variable is one of the variables of host i, as vars has them.
func (f *fleet) variable(i int32, name string) (cty.Value, bool) {
	v, ok := f.inv.Hosts[i].Vars[name]
	if over, has := f.extra[name]; has && (!ok || v.From != "-e") {
		return over, true
	}
	return plainNumber(v.Value), ok
}

// varText is a variable as text, with its type.
func (f *fleet) varText(i int32, name string) (text, typ string, ok bool) {
	v, ok := f.variable(i, name)
	if !ok {
		return "", "", false
	}
	text, ok = scalarText(v)
	return text, v.Type().FriendlyName(), ok
}
