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

// unit is one playbook at work: the one on the command line, or one that a use
// block brings in, with variables of its own.
type unit struct {
	prefix string // "" or "gpu_k8s/", before every step name
	pb     *playbook
	chain  []string // origins from the root to this one
	// only are the hosts that the use block allows; all if it is not limited.
	only    []int32
	limited bool
	scope   *hcl.EvalContext // functions, var, local, secret
	locals  map[string]*localAttr
	order   []*localAttr
	steps   map[string]*stepDef // by "munge.key"
	uses    map[string]*useDef
}

// useDef is a use block and the range of defs that it brought in.
type useDef struct {
	name       string
	block      *hclsyntax.Block
	unit       *unit // nil after an error
	first, end int32 // defs[first:end]
}

// load reads the playbook and all that it uses: variables, locals, steps.
func (c *compiler) load() {
	src := c.sources[0]
	pb, diags := read(src, originOf(src))
	c.report(diags...)
	from := map[string]given{}
	for name, text := range c.o.Vars {
		from[name] = given{value: cty.StringVal(text), from: "-e"}
	}
	for _, v := range pb.variables {
		delete(c.fleet.extra, v.name)
	}
	c.unit(&unit{pb: pb}, from)
	c.innerVariables()
}

// unit evaluates variables and locals of a playbook and collects its steps, those
// of used playbooks in place.
func (c *compiler) unit(u *unit, from map[string]given) {
	c.units = append(c.units, u)
	u.chain = append(u.chain, u.pb.origin.id)
	u.steps, u.uses = map[string]*stepDef{}, map[string]*useDef{}
	functions := lang.Functions()
	maps.Copy(functions, c.before.functions())
	if !u.pb.origin.library {
		functions["file"] = lang.FileFunction(u.pb.origin.dir)
	}
	u.scope = &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{"secret": c.secrets}}
	c.variables(u, from)
	c.locals(u)
	c.requires(u)
	for _, b := range u.pb.members {
		switch b.Type {
		case "step":
			c.addStep(u, b)
		case "use":
			c.addUse(u, b)
		}
	}
}

func (c *compiler) addUse(u *unit, b *hclsyntax.Block) {
	use := &useDef{name: b.Labels[0], block: b, first: int32(len(c.defs)), end: int32(len(c.defs))}
	c.report(checkName("The use block", use.name, b.LabelRanges[0])...)
	if first := u.uses[use.name]; first != nil {
		c.report(duplicate("use", use.name, b.LabelRanges[0], first.block.DefRange()))
		return
	}
	u.uses[use.name] = use
	expr := attribute(b, "playbook")
	if expr == nil {
		return
	}
	name, ok := c.constantText(u, "playbook", expr, cty.NilVal)
	if !ok {
		return
	}
	src, err := findFrom(u.pb.origin, name)
	if src != nil {
		c.sources = append(c.sources, src)
		maps.Copy(c.sources[0].Files, src.Files)
	}
	if err != nil {
		c.report(diagnostics(err, expr.Range())...)
		return
	}
	child := &unit{prefix: u.prefix + use.name + "/", chain: slices.Clone(u.chain), only: u.only, limited: u.limited}
	if !c.mayUse(child.chain, originOf(src), expr.Range()) {
		return
	}
	pb, diags := read(src, originOf(src))
	child.pb = pb
	c.report(diags...)
	c.restrict(u, child, b)
	use.unit = child
	c.unit(child, c.useVars(u, use))
	use.end = int32(len(c.defs))
}

// mayUse refuses a playbook that is already at work around the use block.
func (c *compiler) mayUse(chain []string, next origin, rng hcl.Range) bool {
	if i := slices.Index(chain, next.id); i >= 0 {
		c.errorf(rng, "Playbook uses itself", "%s.", strings.Join(append(chain[i:], next.id), " uses "))
		return false
	}
	if len(chain) >= maxUses {
		c.errorf(rng, "Playbooks use one another too deeply", "At most %d may stand inside one another.", maxUses)
		return false
	}
	return true
}

// restrict narrows a used playbook to the hosts of `on`.
func (c *compiler) restrict(u, child *unit, b *hclsyntax.Block) {
	expr := attribute(b, "on")
	if expr == nil {
		return
	}
	hosts, ok := c.pattern(u, expr, cty.NilVal)
	if !ok {
		return
	}
	if child.limited {
		hosts = intersect(hosts, child.only)
	}
	child.only, child.limited = hosts, true
}

func (c *compiler) useVars(u *unit, use *useDef) map[string]given {
	out := map[string]given{}
	expr := attribute(use.block, "vars")
	if expr == nil {
		return out
	}
	if pairs, diags := hcl.ExprMap(expr); !diags.HasErrors() {
		for _, p := range pairs {
			c.useVar(u, use, p, out)
		}
		return out
	}
	v := c.constant(u, "vars", expr, cty.NilVal)
	if v == nil {
		return out
	}
	if v.IsMarked() || !(v.Type().IsObjectType() || v.Type().IsMapType()) {
		c.errorf(expr.Range(), "Wrong type", "vars is a map: vars = { NAME = VALUE }, not %s.", typeName(*v))
		return out
	}
	for name, value := range v.AsValueMap() {
		out[name] = given{value: value, from: "use " + use.name, rng: expr.Range()}
	}
	return out
}

// useVar evaluates one entry of vars by itself, so that a mistake is shown where
// it is.
func (c *compiler) useVar(u *unit, use *useDef, p hcl.KeyValuePair, out map[string]given) {
	name, ok := c.constantText(u, "The name of a variable", p.Key, cty.NilVal)
	if !ok {
		return
	}
	g := given{value: cty.DynamicVal, from: "use " + use.name, rng: p.Value.Range()}
	if v := c.constant(u, fmt.Sprintf("Variable %q", name), p.Value, cty.NilVal); v != nil {
		g.value = *v
	}
	out[name] = g
}

// intersect keeps what is in both sorted lists.
func intersect(a, b []int32) []int32 {
	out := []int32{}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			out = append(out, a[i])
			i, j = i+1, j+1
		}
	}
	return out
}
