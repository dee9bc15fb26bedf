package playbooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// reference is one entry of an after or after_all list.
type reference struct {
	text string // as written: step.munge.key
	rng  hcl.Range
	all  bool // after_all
	key  string
	// from are the defs that wait, to those that they wait for.
	from, to []*stepDef
}

// edge is one def that waits for another.
type edge struct {
	ref      *reference
	from, to *stepDef // from waits for to
}

// refer reads all after and after_all lists.
func (c *compiler) refer() {
	for _, d := range c.defs {
		c.lists(d.unit, d.block.Body.Attributes["after"], false, d)
		c.lists(d.unit, d.block.Body.Attributes["after_all"], true, d)
	}
	for _, u := range c.units {
		for _, use := range u.uses {
			from := c.defs[use.first:use.end]
			c.lists(u, use.block.Body.Attributes["after"], false, from...)
			c.lists(u, use.block.Body.Attributes["after_all"], true, from...)
		}
	}
}

// lists reads one list, for all defs that it makes wait.
func (c *compiler) lists(u *unit, a *hclsyntax.Attribute, all bool, from ...*stepDef) {
	if a == nil {
		return
	}
	exprs, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		c.errorf(a.Expr.Range(), "Wrong type", "Write %s = [step.MODULE.NAME, ...]: a list of steps.", a.Name)
		return
	}
	for _, e := range exprs {
		if r := c.reference(u, e); r != nil {
			r.all, r.from = all, from
			c.connect(r)
		}
	}
}

// reference resolves step.MODULE.NAME, step.MODULE.NAME["KEY"] and use.NAME.
func (c *compiler) reference(u *unit, e hcl.Expression) *reference {
	t, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() {
		c.errorf(e.Range(), "Not a step", "Here stand steps, step.MODULE.NAME, and used playbooks, use.NAME.")
		return nil
	}
	r := &reference{text: traversalText(t), rng: e.Range()}
	switch {
	case t.RootName() == "step" && (len(t) == 3 || len(t) == 4) && attrName(t, 1) != "" && attrName(t, 2) != "":
		return c.stepReference(u, t, r)
	case t.RootName() == "use" && len(t) == 2 && attrName(t, 1) != "":
		use := u.uses[attrName(t, 1)]
		if use == nil {
			c.errorf(r.rng, "Unknown use", "There is no use block %q.%s", attrName(t, 1),
				lang.DidYouMean(attrName(t, 1), slices.Sorted(maps.Keys(u.uses))))
			return nil
		}
		r.to = c.defs[use.first:use.end]
		return r
	}
	c.errorf(r.rng, "Not a step", "Here stand steps, step.MODULE.NAME, and used playbooks, use.NAME; not %s.", r.text)
	return nil
}

func (c *compiler) stepReference(u *unit, t hcl.Traversal, r *reference) *reference {
	key := attrName(t, 1) + "." + attrName(t, 2)
	d := u.steps[key]
	if d == nil {
		near := lang.Suggest(key, slices.Sorted(maps.Keys(u.steps)))
		if near != "" {
			near = fmt.Sprintf(" Did you mean step.%s?", near)
		}
		c.errorf(r.rng, "Unknown step", "There is no step.%s in this playbook.%s", key, near)
		return nil
	}
	r.to = []*stepDef{d}
	if len(t) == 3 {
		return r
	}
	index, ok := t[3].(hcl.TraverseIndex)
	if !ok || index.Key.Type() != cty.String {
		c.errorf(r.rng, "Not a step", "One element of a for_each step is %s[\"KEY\"].", "step."+key)
		return nil
	}
	r.key = index.Key.AsString()
	return r
}

// connect adds the edges of a reference.
func (c *compiler) connect(r *reference) {
	c.refs = append(c.refs, r)
	for _, from := range r.from {
		for _, to := range r.to {
			c.edges = append(c.edges, edge{r, from, to})
		}
	}
}

func traversalText(t hcl.Traversal) string {
	var b strings.Builder
	b.WriteString(t.RootName())
	for _, part := range t[1:] {
		switch x := part.(type) {
		case hcl.TraverseAttr:
			b.WriteString("." + x.Name)
		case hcl.TraverseIndex:
			if x.Key.Type() == cty.String {
				fmt.Fprintf(&b, "[%q]", x.Key.AsString())
			} else {
				b.WriteString("[...]")
			}
		}
	}
	return b.String()
}
