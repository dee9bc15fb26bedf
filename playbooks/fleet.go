package playbooks

import (
	"maps"
	"math/big"
	"slices"
	"sync"

	"github.com/zclconf/go-cty/cty"

	"muster/inventory"
	"muster/inventory/lang"
)

// fleet is the inventory's hosts by index, with the patterns that were asked for.
type fleet struct {
	inv   *inventory.Inventory // nil: no hosts are known
	index map[string]int32
	extra map[string]cty.Value // -e, over every host's own
	mu    sync.Mutex           // an expression that ran out of time may still be here
	found map[string]matched
}

type matched struct {
	hosts []int32
	err   error
}

func newFleet(inv *inventory.Inventory, vars map[string]string) *fleet {
	f := &fleet{inv: inv, index: map[string]int32{}, extra: map[string]cty.Value{}, found: map[string]matched{}}
	for name, text := range vars {
		f.extra[name] = cty.StringVal(text)
	}
	if inv == nil {
		return f
	}
	for i, h := range inv.Hosts {
		f.index[h.Name] = int32(i)
	}
	return f
}

// match gives the hosts of a pattern as sorted indices. Patterns repeat, so each
// is looked up once.
func (f *fleet) match(pattern string) ([]int32, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m, ok := f.found[pattern]; ok {
		return m.hosts, m.err
	}
	hosts, err := f.inv.Match(pattern)
	m := matched{err: err, hosts: make([]int32, len(hosts))}
	for i, h := range hosts {
		m.hosts[i] = f.index[h.Name]
	}
	slices.Sort(m.hosts)
	f.found[pattern] = m
	return m.hosts, m.err
}

// hasVar says whether a variable of that name comes from anywhere but -e.
func (f *fleet) hasVar(name string) bool {
	if f.inv == nil {
		return true
	}
	for _, h := range f.inv.Hosts {
		if v, ok := h.Vars[name]; ok && v.From != "-e" {
			return true
		}
	}
	return false
}

// lacks says whether host i has no variable of that name.
func (f *fleet) lacks(i int32, name string) bool {
	if _, ok := f.extra[name]; ok {
		return false
	}
	_, ok := f.inv.Hosts[i].Vars[name]
	return !ok
}

// vars are the variables of host i, -e included, with their own types. What the
// inventory made of -e is kept: it has the type of the variable it replaces.
func (f *fleet) vars(i int32) map[string]cty.Value {
	out := maps.Clone(f.extra)
	for name, v := range f.inv.Hosts[i].Vars {
		if _, over := out[name]; !over || v.From == "-e" {
			out[name] = plainNumber(v.Value)
		}
	}
	return out
}

// plainNumber gives a whole number the small form: as HCL reads it, it has 512
// bits, and writing it into a string takes a hundred times as long.
func plainNumber(v cty.Value) cty.Value {
	if v.IsMarked() || v.Type() != cty.Number || v.IsNull() || !v.IsKnown() {
		return v
	}
	if n, accuracy := v.AsBigFloat().Int64(); accuracy == big.Exact {
		return cty.NumberIntVal(n)
	}
	return v
}

// texts are the scalar variables of host i as text; secrets and sensitive values
// are not in it.
func (f *fleet) texts(i int32) map[string]string {
	out := map[string]string{}
	for name, v := range f.vars(i) {
		if text, ok := scalarText(v); ok {
			out[name] = text
		}
	}
	return out
}

func scalarText(v cty.Value) (string, bool) {
	if v.IsMarked() || v.IsNull() || !v.IsKnown() {
		return "", false
	}
	switch v.Type() {
	case cty.String:
		return v.AsString(), true
	case cty.Bool:
		if v.True() {
			return "true", true
		}
		return "false", true
	case cty.Number:
		return numberText(v.AsBigFloat()), true
	}
	return "", false
}

func numberText(f *big.Float) string { return f.Text('f', -1) }

// names turns indices into host names.
func (f *fleet) names(hosts []int32) []string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = f.inv.Hosts[h].Name
	}
	return out
}

// secretsValue is `secret`: a reference for each secret of the inventory.
func secretsValue(inv *inventory.Inventory) cty.Value {
	if inv == nil {
		return cty.DynamicVal
	}
	refs := map[string]cty.Value{}
	for name := range inv.Secrets {
		refs[name] = lang.SecretValue(name)
	}
	return cty.ObjectVal(refs)
}
