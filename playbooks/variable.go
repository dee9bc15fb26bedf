package playbooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"muster/inventory/lang"
)

// variableBlock is one `variable` block.
type variableBlock struct {
	name        string
	typ         cty.Type // DynamicPseudoType without a type attribute
	byDefault   hcl.Expression
	sensitive   bool
	validations []*hclsyntax.Block
	rng         hcl.Range
}

// given is a value for a variable from outside the playbook.
type given struct {
	value cty.Value
	from  string    // "-e" or "use gpu_k8s"
	rng   hcl.Range // empty for -e
}

func readVariable(b *hclsyntax.Block) (*variableBlock, hcl.Diagnostics) {
	v := &variableBlock{name: b.Labels[0], typ: cty.DynamicPseudoType, byDefault: attribute(b, "default"), rng: b.DefRange()}
	diags := checkName("The variable", v.name, b.LabelRanges[0])
	if e := attribute(b, "type"); e != nil {
		typ, more := typeexpr.TypeConstraint(e)
		if diags = append(diags, more...); !more.HasErrors() {
			v.typ = typ
		}
	}
	if e := attribute(b, "sensitive"); e != nil {
		value, more := lang.Eval(e, nil)
		switch {
		case more.HasErrors():
			diags = append(diags, more...)
		case value.Type() != cty.Bool || value.IsNull():
			diags = append(diags, lang.Diag("Wrong type", "Write sensitive = true.", e.Range()))
		default:
			v.sensitive = value.True()
		}
	}
	if e := attribute(b, "description"); e != nil {
		if value, more := lang.Eval(e, nil); more.HasErrors() || value.Type() != cty.String {
			diags = append(diags, lang.Diag("Wrong type", `A description is a plain string: description = "...".`, e.Range()))
		}
	}
	for _, inner := range b.Body.Blocks {
		if inner.Type == "validation" {
			diags = append(diags, lang.Check(inner.Body, blockRules["validation"])...)
			v.validations = append(v.validations, inner)
		}
	}
	return v, diags
}

// variables gives the playbook's variables their values: what was given, else
// the default. Every variable is in the result, unknown after an error, so that
// one mistake is reported once.
func (c *compiler) variables(u *unit, from map[string]given) {
	values := map[string]cty.Value{}
	first := map[string]hcl.Range{}
	for _, v := range u.pb.variables {
		if at, again := first[v.name]; again {
			c.report(duplicate("variable", v.name, v.rng, at))
			continue
		}
		first[v.name] = v.rng
		value := c.variable(u, v, from)
		if v.sensitive {
			value = lang.Sensitive(value)
		}
		values[v.name] = value
	}
	u.scope.Variables["var"] = cty.ObjectVal(values)
	for _, v := range u.pb.variables {
		if values[v.name].IsWhollyKnown() {
			c.validate(u, v)
		}
	}
	c.unknownVariables(u, from, slices.Sorted(maps.Keys(values)))
}

func (c *compiler) variable(u *unit, v *variableBlock, from map[string]given) cty.Value {
	if g, ok := from[v.name]; ok {
		return c.givenValue(v, g)
	}
	if v.byDefault == nil {
		if c.inv == nil {
			return cty.UnknownVal(v.typ)
		}
		hint := "Give it a default or write -e " + v.name + "=VALUE."
		if u.prefix != "" {
			hint = "Give it a default or a line in vars of the use block."
		}
		c.errorf(v.rng, "Variable without a value", "Variable %q has no default and no value. %s", v.name, hint)
		return cty.UnknownVal(v.typ)
	}
	value, diags := lang.Eval(v.byDefault, &hcl.EvalContext{Functions: u.scope.Functions})
	if diags.HasErrors() {
		c.report(diags...)
		return cty.UnknownVal(v.typ)
	}
	out, err := convert.Convert(value, v.typ)
	if err != nil {
		c.errorf(v.byDefault.Range(), "Wrong type", "The default of variable %q: %s.", v.name, conversionText(err, v.typ))
		return cty.UnknownVal(v.typ)
	}
	return out
}

// givenValue converts what came from outside. A string from -e for a type that
// is no string is read as an expression: -e 'sizes=[1,2]'.
func (c *compiler) givenValue(v *variableBlock, g given) cty.Value {
	value := g.value
	at := g.rng
	if g.from == "-e" {
		at = hcl.Range{Filename: "-e " + v.name} // what is wrong is not in the playbook
		var diags hcl.Diagnostics
		if value, diags = literal(value.AsString(), v.typ); diags.HasErrors() {
			c.errorf(at, "Wrong type", "-e %s=...: the value cannot be read: %s.", v.name, diags[0].Summary)
			return cty.UnknownVal(v.typ)
		}
	}
	out, err := convert.Convert(value, v.typ)
	if err != nil {
		c.errorf(at, "Wrong type", "%s gives variable %q a value of the wrong type: %s.", g.from, v.name, conversionText(err, v.typ))
		return cty.UnknownVal(v.typ)
	}
	return out
}

func literal(text string, typ cty.Type) (cty.Value, hcl.Diagnostics) {
	if typ == cty.DynamicPseudoType || typ.IsPrimitiveType() {
		return cty.StringVal(text), nil
	}
	return lang.Literal("-e", text)
}

func conversionText(err error, want cty.Type) string {
	return fmt.Sprintf("%s; %s is needed", err, want.FriendlyName())
}

// validate checks the conditions of a variable that has its value.
func (c *compiler) validate(u *unit, v *variableBlock) {
	for _, b := range v.validations {
		condition, message := attribute(b, "condition"), attribute(b, "error_message")
		if condition == nil || message == nil {
			continue
		}
		ok, diags := lang.Eval(condition, u.scope)
		if diags.HasErrors() {
			c.report(diags...)
			continue
		}
		ok, _ = ok.UnmarkDeep()
		if ok.Type() != cty.Bool || ok.IsNull() || !ok.IsKnown() {
			c.errorf(condition.Range(), "Wrong type", "A condition is true or false.")
			continue
		}
		if ok.False() {
			c.invalid(u, v, message)
		}
	}
}

func (c *compiler) invalid(u *unit, v *variableBlock, message hcl.Expression) {
	text, diags := lang.Eval(message, u.scope)
	if diags.HasErrors() {
		c.report(diags...)
		return
	}
	if lang.IsSensitive(text) || text.Type() != cty.String || !text.IsKnown() || text.IsNull() {
		c.errorf(message.Range(), "Wrong type", "An error_message is a string without sensitive values.")
		return
	}
	c.errorf(v.rng, "Invalid value of a variable", "Variable %q: %s", v.name, capitalStop(text.AsString()))
}

// innerVariables finds a -e that is meant for a used playbook: it would become a host
// variable that nobody reads.
func (c *compiler) innerVariables() {
	declares := func(u *unit, name string) bool {
		return slices.ContainsFunc(u.pb.variables, func(v *variableBlock) bool { return v.name == name })
	}
	for _, name := range slices.Sorted(maps.Keys(c.o.Vars)) {
		if declares(c.units[0], name) || c.fleet.hasVar(name) {
			continue
		}
		if i := slices.IndexFunc(c.units, func(u *unit) bool { return declares(u, name) }); i > 0 {
			c.errorf(hcl.Range{Filename: c.units[0].pb.origin.name}, "Variable of a used playbook",
				"-e %s=...: only %s has this variable. Hand it on: variable %q { ... } here, and vars = { %s = var.%s } in the use block.",
				name, strings.TrimSuffix(c.units[i].prefix, "/"), name, name, name)
		}
	}
}

// unknownVariables reports values for variables that do not exist. From -e they
// may also be host variables, so only a probable slip of the pen is an error.
func (c *compiler) unknownVariables(u *unit, from map[string]given, names []string) {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if slices.Contains(names, name) {
			continue
		}
		g := from[name]
		if g.from == "-e" {
			if near := lang.Suggest(name, names); near != "" && !c.fleet.hasVar(name) {
				c.errorf(hcl.Range{Filename: u.pb.origin.name}, "Unknown variable",
					"-e %s=...: neither the playbook nor a host has this variable. Did you mean %q?", name, near)
			}
			continue
		}
		has := "none"
		if len(names) > 0 {
			has = strings.Join(names, ", ")
		}
		c.errorf(g.rng, "Unknown variable", "The playbook has no variable %q.%s It has: %s.",
			name, lang.DidYouMean(name, names), has)
	}
}
