package playbooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"muster/inventory/lang"
	"muster/modules"
)

// stepDef is one step block.
type stepDef struct {
	id     int32
	unit   *unit
	module moduleType
	name   string
	block  *hclsyntax.Block
	bad    bool // its argument names are wrong; that is reported
	// steps are its elements: one, or one for each key of for_each. A step that
	// runs nowhere has none.
	steps []*step
}

// commonArgs are the arguments that every step has.
var commonArgs = []string{"on", "after", "after_all", "when", "for_each", "batch", "max_fail", "timeout"}

// label is the step as it is written in a reference and in messages.
func (d *stepDef) label() string { return d.unit.prefix + d.module.Name + "[" + d.name + "]" }

func (c *compiler) addStep(u *unit, b *hclsyntax.Block) {
	d := &stepDef{id: int32(len(c.defs)), unit: u, name: b.Labels[1], block: b}
	c.report(checkName("The step", d.name, b.LabelRanges[1])...)
	m, ok := c.modules[b.Labels[0]]
	if !ok {
		names := slices.Sorted(maps.Keys(c.modules))
		c.errorf(b.LabelRanges[0], "Unknown module", "There is no module %q.%s See them all with: muster docs",
			b.Labels[0], lang.DidYouMean(b.Labels[0], names))
		m = moduleType{Module: modules.Module{Name: b.Labels[0]}}
	}
	d.module = m
	key := m.Name + "." + d.name
	if first := u.steps[key]; first != nil {
		c.report(duplicate("step", key, b.DefRange(), first.block.DefRange()))
		return
	}
	u.steps[key] = d
	c.defs = append(c.defs, d)
	c.checkArgs(d)
}

// checkArgs reports arguments that the module does not have, and required ones
// that are missing. Types are checked with the values.
func (c *compiler) checkArgs(d *stepDef) {
	if attribute(d.block, "on") == nil {
		c.errorf(d.block.DefRange(), "Missing argument",
			`Every step says where it runs: on = "PATTERN", or on = "all".`)
	}
	if d.module.New == nil {
		return // the module is unknown; that is reported
	}
	before := len(c.diags)
	c.checkBody(d.block, d.module.schema, "module "+d.module.Name, commonArgs)
	d.bad = len(c.diags) > before
}

func (c *compiler) checkBody(b *hclsyntax.Block, s modules.Schema, what string, more []string) {
	written := map[string]bool{}
	for _, a := range lang.Attributes(b.Body) {
		written[a.Name] = true
		if slices.Contains(more, a.Name) {
			continue
		}
		arg, ok := s.Arg(a.Name)
		switch {
		case !ok || arg.Label:
			c.unknownArg(a.Name, a.NameRange, s, what, more)
		case arg.Kind == modules.KindBlock:
			c.errorf(a.NameRange, "Wrong type", "%s is a block: %s { ... }, without the equals sign.", a.Name, blockHead(arg))
		}
	}
	for _, inner := range b.Body.Blocks {
		written[inner.Type] = true
		c.checkInner(inner, s, what, more)
	}
	for _, arg := range s.Args {
		if arg.Required && !written[arg.Name] {
			c.errorf(b.DefRange(), "Missing argument", "%s needs %s (%s): %s", capitalStop(what)[:len(what)], arg.Name, arg.Kind, arg.Doc)
		}
	}
}

// checkInner checks one block inside a step.
func (c *compiler) checkInner(b *hclsyntax.Block, s modules.Schema, what string, more []string) {
	arg, ok := s.Arg(b.Type)
	switch {
	case slices.Contains(more, b.Type) || ok && arg.Kind != modules.KindBlock:
		c.errorf(b.TypeRange, "Wrong type", "%s is an argument: %s = ..., with an equals sign.", b.Type, b.Type)
	case !ok:
		c.unknownArg(b.Type, b.TypeRange, s, what, more)
	case len(b.Labels) != len(labels(*arg.Block)):
		c.errorf(b.DefRange(), "Wrong number of labels", "Write %s { ... }.", blockHead(arg))
	default:
		c.checkBody(b, *arg.Block, fmt.Sprintf("block %s of %s", b.Type, what), nil)
	}
}

func (c *compiler) unknownArg(name string, rng hcl.Range, s modules.Schema, what string, more []string) {
	names := append(s.Names(), more...)
	detail := fmt.Sprintf("%s has no argument %q.%s", capitalStop(what)[:len(what)], name, lang.DidYouMean(name, names))
	if own := s.Names(); len(own) > 0 {
		detail += " It has: " + strings.Join(own, ", ") + "."
	}
	c.errorf(rng, "Unknown argument", "%s", detail)
}

// labels are the arguments of a block that stand behind its type.
func labels(s modules.Schema) []modules.Arg {
	var out []modules.Arg
	for _, a := range s.Args {
		if a.Label {
			out = append(out, a)
		}
	}
	return out
}

func blockHead(a modules.Arg) string {
	head := a.Name
	for _, l := range labels(*a.Block) {
		head += fmt.Sprintf(" %q", strings.ToUpper(l.Name))
	}
	return head
}
