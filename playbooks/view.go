package playbooks

import (
	"sync"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"muster/inventory/lang"
	"muster/modules"
	"muster/modules/machine"
)

// view is the fleet with one set of facts, as expressions and arguments see it.
type view struct {
	fleet *fleet
	// bound is false while compiling: then every fact is unknown.
	bound bool
	facts map[string]machine.Facts

	mu       sync.Mutex
	elements map[int32]cty.Value
	like     lang.Facts           // of the elements made so far
	lists    map[string]cty.Value // of hosts(pattern)
	args     map[int32]modules.Host
	locals   map[*localAttr]cty.Value

	parts lang.Facts // of the parts made so far: only the binder makes them, one at a time
}

// hostType is an element of hosts("pattern"). Its variables are text, so that
// all hosts have one type.
var hostType = cty.Object(map[string]cty.Type{
	"name": cty.String, "address": cty.String, "groups": cty.List(cty.String),
	"vars": cty.Map(cty.String), "facts": lang.FactsType(),
})

// unknownFacts is a facts object whose every field is unknown: a misspelt field
// is still an error, with the right one named.
var unknownFacts = func() cty.Value {
	fields := map[string]cty.Value{}
	for name, t := range lang.FactsType().AttributeTypes() {
		fields[name] = cty.UnknownVal(t)
	}
	return cty.ObjectVal(fields)
}()

// anyHost is `host` while compiling: all that is certain is which fields it has.
var anyHost = cty.ObjectVal(map[string]cty.Value{
	"name": cty.UnknownVal(cty.String), "address": cty.UnknownVal(cty.String),
	"groups": cty.UnknownVal(cty.List(cty.String)), "vars": cty.DynamicVal, "facts": unknownFacts,
})

// hostsFunction is hosts(pattern): the hosts that a pattern selects, in inventory
// order, whatever the limit of the run.
func (v *view) hostsFunction() function.Function {
	return function.New(&function.Spec{
		Description: "the hosts of a pattern, with their facts",
		Params:      []function.Parameter{{Name: "pattern", Type: cty.String}},
		Type:        function.StaticReturnType(cty.List(hostType)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if v.fleet.inv == nil {
				return cty.UnknownVal(cty.List(hostType)), nil
			}
			list, err := v.list(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return list, nil
		},
	})
}

// list makes the hosts of a pattern, once for each pattern.
func (v *view) list(pattern string) (cty.Value, error) {
	hosts, err := v.fleet.match(pattern)
	if err != nil {
		return cty.NilVal, err
	}
	if len(hosts) == 0 {
		return cty.ListValEmpty(hostType), nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if list, ok := v.lists[pattern]; ok {
		return list, nil
	}
	elems := make([]cty.Value, len(hosts))
	for i, h := range hosts {
		elems[i] = v.element(h)
	}
	if v.lists == nil {
		v.lists = map[string]cty.Value{}
	}
	v.lists[pattern] = cty.ListVal(elems)
	return v.lists[pattern], nil
}

func (v *view) element(i int32) cty.Value {
	if e, ok := v.elements[i]; ok {
		return e
	}
	h := v.fleet.inv.Hosts[i]
	vars := map[string]cty.Value{}
	for name, text := range v.fleet.texts(i) {
		vars[name] = cty.StringVal(text)
	}
	texts := cty.MapValEmpty(cty.String)
	if len(vars) > 0 {
		texts = cty.MapVal(vars)
	}
	e := cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal(h.Name), "address": cty.StringVal(h.Address),
		"groups": stringList(h.Groups), "vars": texts, "facts": v.factsOf(i, v.like.Value),
	})
	if v.elements == nil {
		v.elements = map[int32]cty.Value{}
	}
	v.elements[i] = e
	return e
}

func (v *view) factsOf(i int32, value func(machine.Facts) cty.Value) cty.Value {
	if !v.bound {
		return unknownFacts
	}
	f, ok := v.facts[v.fleet.inv.Hosts[i].Name]
	if !ok {
		return cty.NullVal(lang.FactsType())
	}
	return value(f)
}

// host is `host` for a step on host i. Its variables have their own types.
func (v *view) host(i int32) cty.Value {
	h := v.fleet.inv.Hosts[i]
	return cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal(h.Name), "address": cty.StringVal(h.Address), "groups": stringList(h.Groups),
		"vars": cty.ObjectVal(v.fleet.vars(i)), "facts": v.factsOf(i, lang.FactsValue),
	})
}

// argument makes the value of an argument of kind hosts.
func (v *view) argument(hosts []int32) []modules.Host {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.args == nil {
		v.args = map[int32]modules.Host{}
	}
	out := make([]modules.Host, len(hosts))
	for n, i := range hosts {
		a, ok := v.args[i]
		if !ok {
			a = v.newArgument(i)
			v.args[i] = a
		}
		out[n] = a
	}
	return out
}

func (v *view) newArgument(i int32) modules.Host {
	h := v.fleet.inv.Hosts[i]
	a := modules.Host{Name: h.Name, Address: h.Address, Groups: h.Groups, Vars: v.fleet.texts(i)}
	if f, ok := v.facts[h.Name]; ok {
		a.Facts = &f
	}
	return a
}

func stringList(s []string) cty.Value {
	if len(s) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	out := make([]cty.Value, len(s))
	for i, x := range s {
		out[i] = cty.StringVal(x)
	}
	return cty.ListVal(out)
}

// functions are those that read facts; they stand before a scope's own.
func (v *view) functions() map[string]function.Function {
	return map[string]function.Function{"hosts": v.hostsFunction()}
}

func (v *view) local(l *localAttr) (cty.Value, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	value, ok := v.locals[l]
	return value, ok
}

func (v *view) keepLocal(l *localAttr, value cty.Value) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.locals == nil {
		v.locals = map[*localAttr]cty.Value{}
	}
	v.locals[l] = value
}
