package inventory

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"

	"muster/inventory/lang"
)

// value evaluates an expression of the inventory: functions and secret.NAME are
// all it may use.
func (l *loader) value(expr hclsyntax.Expression) (cty.Value, bool) {
	for _, tr := range expr.Variables() {
		if tr.RootName() != "secret" {
			l.add(lang.Diag("Reference not allowed", fmt.Sprintf("%q is not known in an inventory. "+
				"Its expressions may use functions and secret.NAME; a value in quotes is a string.", tr.RootName()),
				tr.SourceRange()))
			return cty.DynamicVal, false
		}
	}
	v, diags := lang.Eval(expr, &hcl.EvalContext{
		Variables: map[string]cty.Value{"secret": l.secrets}, Functions: l.functions})
	l.add(diags...)
	return v, !diags.HasErrors()
}

// text reads an attribute that is a string. False when it is absent or wrong.
func (l *loader) text(body *hclsyntax.Body, name string) (string, hcl.Range, bool) {
	a := body.Attributes[name]
	if a == nil {
		return "", hcl.Range{}, false
	}
	v, ok := l.value(a.Expr)
	if ok && (v.Type() != cty.String || v.IsNull() || !v.IsKnown()) {
		l.add(lang.Diag("Wrong type", name+" is a string.", a.Expr.Range()))
		ok = false
	}
	if !ok {
		return "", a.Expr.Range(), false
	}
	return v.AsString(), a.Expr.Range(), true
}

// refs reads an attribute that is a string or a list of strings, each with the
// place of its own element where the list is written out.
func (l *loader) refs(body *hclsyntax.Body, name string) []ref {
	a := body.Attributes[name]
	if a == nil {
		return nil
	}
	v, ok := l.value(a.Expr)
	if !ok {
		return nil
	}
	if v.Type() == cty.String && !v.IsNull() {
		return []ref{{v.AsString(), a.Expr.Range()}}
	}
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || list.IsNull() || !list.IsWhollyKnown() {
		l.add(lang.Diag("Wrong type", name+" is a string or a list of strings.", a.Expr.Range()))
		return nil
	}
	tuple, _ := a.Expr.(*hclsyntax.TupleConsExpr)
	var out []ref
	for i, e := range list.AsValueSlice() {
		rng := a.Expr.Range()
		if tuple != nil && i < len(tuple.Exprs) {
			rng = tuple.Exprs[i].Range()
		}
		if e.IsNull() {
			l.add(lang.Diag("Wrong type", "An element is null.", rng))
			continue
		}
		out = append(out, ref{e.AsString(), rng})
	}
	return out
}

// vars reads `vars = { ... }`, each value with the place of its own line.
func (l *loader) vars(body *hclsyntax.Body, from string) map[string]Var {
	a := body.Attributes["vars"]
	if a == nil {
		return nil
	}
	v, ok := l.value(a.Expr)
	if !ok {
		return nil
	}
	if t := v.Type(); v.IsNull() || !v.IsKnown() || !(t.IsObjectType() || t.IsMapType()) {
		l.add(lang.Diag("Wrong type", "vars is written as { name = value }.", a.Expr.Range()))
		return nil
	}
	places := l.keyRanges(a.Expr)
	out := map[string]Var{}
	for key, value := range v.AsValueMap() {
		rng, found := places[key]
		if !found {
			rng = a.Expr.Range()
		}
		if !hclsyntax.ValidIdentifier(key) {
			l.add(lang.Diag("Bad name", fmt.Sprintf("%q is no name of a variable: "+
				"it has letters, digits, _ and -, and begins with a letter or _.", key), rng))
			continue
		}
		out[key] = Var{Value: value, From: from, Range: rng}
	}
	return out
}

// keyRanges finds the place of each key of an object that is written out, and
// reports a key that stands twice, which HCL itself lets pass.
func (l *loader) keyRanges(expr hclsyntax.Expression) map[string]hcl.Range {
	out := map[string]hcl.Range{}
	object, ok := expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return out
	}
	for _, item := range object.Items {
		key, diags := item.KeyExpr.Value(&hcl.EvalContext{Functions: map[string]function.Function{}})
		if diags.HasErrors() || key.Type() != cty.String || key.IsNull() || !key.IsKnown() || key.IsMarked() {
			continue
		}
		if first, twice := out[key.AsString()]; twice {
			l.add(lang.Diag("Duplicate variable", fmt.Sprintf("%q already has a value at %s.",
				key.AsString(), lang.Where(first)), item.KeyExpr.Range()))
			continue
		}
		out[key.AsString()] = hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())
	}
	return out
}
