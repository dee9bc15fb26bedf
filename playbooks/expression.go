package playbooks

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// expression is an expression of a playbook in its place.
type expression struct {
	hcl  hcl.Expression
	unit *unit
	each cty.Value // `each`; NilVal outside a for_each
	refs *refs     // complete, through locals
	// value is the value while compiling, with every host and every fact unknown.
	value cty.Value
}

// known says that the value needs neither a host nor facts.
func (e *expression) known() bool { return e.value.IsWhollyKnown() }

// expression evaluates once, while compiling. After an error the value is unknown.
func (c *compiler) expression(u *unit, expr hcl.Expression, each cty.Value) *expression {
	e := &expression{hcl: expr, unit: u, each: each, refs: c.refsOf(u, expr)}
	c.evaluate(e)
	return e
}

func (c *compiler) refsOf(u *unit, expr hcl.Expression) *refs {
	if r := c.exprs[expr]; r != nil {
		return r
	}
	r := findRefs(expr)
	for _, name := range r.locals {
		if l := u.locals[name]; l != nil {
			r.add(l.refs)
		}
	}
	c.exprs[expr] = r
	return r
}

func (c *compiler) evaluate(e *expression) {
	e.value = cty.DynamicVal
	for _, t := range e.refs.wrong {
		c.errorf(t.SourceRange(), "Reference not allowed here", "A %s has no value; it can stand in after and after_all.", t.RootName())
	}
	if len(e.refs.wrong) > 0 {
		return
	}
	scope := e.unit.scope.NewChild()
	scope.Variables = map[string]cty.Value{"host": anyHost}
	if e.each != cty.NilVal {
		scope.Variables["each"] = e.each
	}
	value, diags := lang.Eval(e.hcl, scope)
	if diags.HasErrors() {
		c.report(diags...)
		return
	}
	e.value = value
}

// late evaluates with facts; host is `host`, or NilVal when the expression does
// not need it.
func (e *expression) late(v *view, host cty.Value) (cty.Value, hcl.Diagnostics) {
	if e.known() {
		return e.value, nil
	}
	scope := e.unit.scope.NewChild()
	scope.Functions = v.functions()
	scope.Variables = map[string]cty.Value{}
	if host != cty.NilVal {
		scope.Variables["host"] = host
	}
	if e.each != cty.NilVal {
		scope.Variables["each"] = e.each
	}
	if len(e.refs.locals) > 0 {
		local, diags := e.unit.lateLocals(v, host, e.refs.locals)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		scope.Variables["local"] = local
	}
	return lang.Eval(e.hcl, scope)
}

// constant evaluates what must be known before anything connects; nil without a
// value (reported).
func (c *compiler) constant(u *unit, what string, expr hcl.Expression, each cty.Value) *cty.Value {
	before := len(c.diags)
	e := c.expression(u, expr, each)
	switch {
	case len(c.diags) > before:
		return nil
	case e.refs.host && !e.known():
		c.errorf(expr.Range(), "Value depends on the host", "%s is evaluated once for all hosts: host cannot stand in it.", what)
		return nil
	case !e.known() && e.refs.fleet && c.inv != nil:
		c.errorf(expr.Range(), "Value depends on facts", "%s must be known before muster connects: facts cannot stand in it.", what)
		return nil
	case !e.known():
		return nil // without an inventory, or after an error elsewhere
	case e.value.IsNull():
		c.errorf(expr.Range(), "Wrong type", "%s is null.", what)
		return nil
	}
	return &e.value
}

// constantText is constant for a string; ok is false without a value.
func (c *compiler) constantText(u *unit, what string, expr hcl.Expression, each cty.Value) (string, bool) {
	v := c.constant(u, what, expr, each)
	if v == nil {
		return "", false
	}
	if v.IsMarked() || v.Type() != cty.String {
		c.errorf(expr.Range(), "Wrong type", "%s is a string, not %s.", what, typeName(*v))
		return "", false
	}
	return v.AsString(), true
}

// typeName says what a value is, in the words of the language.
func typeName(v cty.Value) string {
	switch t := v.Type(); {
	case v.IsMarked():
		return "a sensitive value"
	case v.IsNull():
		return "null"
	case t.Equals(lang.SecretType):
		return "a secret"
	case t.Equals(cty.List(hostType)):
		return "a list of hosts"
	default:
		return fmt.Sprintf("a value of type %s", t.FriendlyName())
	}
}
