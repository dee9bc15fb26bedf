package playbooks

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"muster/inventory/lang"
)

// playbook is one parsed playbook: its blocks with their common attributes taken
// apart, nothing evaluated yet.
type playbook struct {
	origin    origin
	variables []*variableBlock
	locals    []*localAttr
	requires  []*hclsyntax.Block
	// members are steps and uses in file order.
	members []*hclsyntax.Block
}

// blockRules says which attributes and blocks each top-level block may have;
// step is missing, since a module decides.
var blockRules = map[string]lang.Schema{
	"variable": {What: "a variable block", Attributes: []string{"type", "default", "description", "sensitive"},
		Blocks: map[string]int{"validation": 0}},
	"validation": {What: "a validation block", Required: []string{"condition", "error_message"}},
	"requires":   {What: "a requires block", Required: []string{"group"}, Attributes: []string{"min", "max", "message"}},
	"use": {What: "a use block", Required: []string{"playbook"},
		Attributes: []string{"vars", "on", "after", "after_all"}},
}

var topRules = lang.Schema{What: "a playbook", Blocks: map[string]int{
	"variable": 1, "locals": 0, "requires": 0, "step": 2, "use": 1,
}}

// read takes the top-level blocks of a source apart.
func read(src *lang.Source, from origin) (*playbook, hcl.Diagnostics) {
	p := &playbook{origin: from}
	var diags hcl.Diagnostics
	for _, path := range src.Paths {
		body, ok := src.Files[path].Body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		diags = append(diags, lang.Check(body, topRules)...)
	}
	for _, b := range src.Blocks() {
		if len(b.Labels) == topRules.Blocks[b.Type] {
			diags = append(diags, p.block(b)...)
		}
	}
	return p, diags
}

func (p *playbook) block(b *hclsyntax.Block) hcl.Diagnostics {
	var diags hcl.Diagnostics
	if rules, ok := blockRules[b.Type]; ok {
		diags = lang.Check(b.Body, rules)
	}
	switch b.Type {
	case "variable":
		v, more := readVariable(b)
		p.variables = append(p.variables, v)
		return append(diags, more...)
	case "locals":
		for _, a := range lang.Attributes(b.Body) {
			p.locals = append(p.locals, &localAttr{name: a.Name, expr: a.Expr, rng: a.NameRange})
		}
		for _, inner := range b.Body.Blocks {
			diags = append(diags, lang.Diag("Unknown block", "A locals block holds NAME = VALUE lines only.", inner.TypeRange))
		}
	case "requires":
		p.requires = append(p.requires, b)
	case "step", "use":
		p.members = append(p.members, b)
	}
	return diags
}

// attribute is the expression of an attribute, nil when it is not written.
func attribute(b *hclsyntax.Block, name string) hcl.Expression {
	if a := b.Body.Attributes[name]; a != nil {
		return a.Expr
	}
	return nil
}

// validName says whether a label can be written in a reference, step.file.NAME.
func validName(name string) bool { return hclsyntax.ValidIdentifier(name) && len(name) <= 100 }

func checkName(what, name string, rng hcl.Range) hcl.Diagnostics {
	if validName(name) {
		return nil
	}
	return hcl.Diagnostics{lang.Diag("Invalid name", fmt.Sprintf(
		"%s is called %q. A name starts with a letter, goes on with letters, digits, _ and -, and has at most 100 of them.",
		what, name), rng)}
}

func duplicate(what, name string, again, first hcl.Range) *hcl.Diagnostic {
	return lang.Diag("Duplicate "+what, fmt.Sprintf("%s %q is already at %s. Rename one of them.", what, name, lang.Where(first)), again)
}
