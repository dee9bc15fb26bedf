package playbooks

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// localAttr is one line of a locals block.
type localAttr struct {
	name string
	expr hcl.Expression
	rng  hcl.Range
	// refs are complete, through other locals, once the local is evaluated.
	refs *refs
	// value is the value while compiling; not wholly known when it waits for
	// facts or a host.
	value cty.Value
}

// locals evaluates a playbook's locals, each after those that it names.
func (c *compiler) locals(u *unit) {
	u.locals = map[string]*localAttr{}
	for _, l := range u.pb.locals {
		if first := u.locals[l.name]; first != nil {
			c.report(duplicate("local", l.name, l.rng, first.rng))
			continue
		}
		// A playbook that is used twice is read twice, so these are its own.
		l.refs, l.value = findRefs(l.expr), cty.DynamicVal
		u.locals[l.name] = l
	}
	state := map[*localAttr]int{}
	for _, l := range u.pb.locals {
		if u.locals[l.name] == l {
			c.local(u, l, state, nil)
		}
	}
	u.setLocals()
}

const (
	localOpen = 1
	localDone = 2
)

func (c *compiler) local(u *unit, l *localAttr, state map[*localAttr]int, path []string) {
	if state[l] == localDone {
		return
	}
	path = append(path, "local."+l.name)
	if state[l] == localOpen {
		start := slices.Index(path, "local."+l.name)
		c.errorf(l.rng, "Cycle of locals", "A local cannot depend on itself: %s.", strings.Join(path[start:], " -> "))
		return
	}
	state[l] = localOpen
	for _, name := range slices.Clone(l.refs.locals) {
		if dep := u.locals[name]; dep != nil {
			c.local(u, dep, state, path)
			l.refs.add(dep.refs)
			u.setLocals()
		}
	}
	state[l] = localDone
	e := &expression{hcl: l.expr, unit: u, refs: l.refs}
	c.evaluate(e)
	l.value = e.value
	u.order = append(u.order, l)
}

// setLocals puts `local` into the scope.
func (u *unit) setLocals() {
	values := map[string]cty.Value{}
	for name, l := range u.locals {
		values[name] = l.value
	}
	u.scope.Variables["local"] = cty.ObjectVal(values)
}

// lateLocals is `local` for one view and host: those that an expression depends
// on are evaluated, in order; those that need no host once per view.
func (u *unit) lateLocals(v *view, host cty.Value, names []string) (cty.Value, hcl.Diagnostics) {
	values := u.scope.Variables["local"].AsValueMap()
	scope := u.scope.NewChild()
	for _, l := range u.order {
		if l.value.IsWhollyKnown() || !slices.Contains(names, l.name) {
			continue
		}
		if known, ok := v.local(l); ok {
			values[l.name] = known
			continue
		}
		scope.Functions = v.functions()
		scope.Variables = map[string]cty.Value{"local": cty.ObjectVal(values), "host": host}
		value, diags := lang.Eval(l.expr, scope)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		values[l.name] = value
		if !l.refs.host {
			v.keepLocal(l, value)
		}
	}
	return cty.ObjectVal(values), nil
}
