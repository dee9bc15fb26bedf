package playbooks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
	"muster/modules"
)

// body is the arguments of one step, or of one block in it: those that are known,
// and those that wait for facts.
type body struct {
	schema modules.Schema
	block  *hclsyntax.Block
	known  []setting
	late   []lateSetting
	blocks []innerBody
	all    *refs // see needs
}

type setting struct {
	arg   modules.Arg
	value any // as fleet.decode gives it
}

type lateSetting struct {
	arg  modules.Arg
	expr *expression
}

type innerBody struct {
	arg  modules.Arg
	body *body
}

// body evaluates the arguments of a block that checkBody has seen; what it
// complained about is passed over.
func (c *compiler) body(s *step, b *hclsyntax.Block, schema modules.Schema, skip []string) *body {
	out := &body{schema: schema, block: b}
	for i, arg := range labels(schema) {
		if i < len(b.Labels) {
			out.known = append(out.known, setting{arg, b.Labels[i]})
		}
	}
	for _, a := range lang.Attributes(b.Body) {
		arg, ok := schema.Arg(a.Name)
		if ok && !arg.Label && arg.Kind != modules.KindBlock && !slices.Contains(skip, a.Name) {
			c.argument(s, out, arg, a.Expr)
		}
	}
	for _, inner := range b.Body.Blocks {
		arg, ok := schema.Arg(inner.Type)
		if ok && arg.Kind == modules.KindBlock {
			out.blocks = append(out.blocks, innerBody{arg, c.body(s, inner, *arg.Block, nil)})
		}
	}
	return out
}

// argument evaluates one argument as far as it can be while compiling.
func (c *compiler) argument(s *step, out *body, arg modules.Arg, expr hcl.Expression) {
	if set, ok := c.patternCall(s, arg, expr); ok {
		if set != nil {
			out.known = append(out.known, setting{arg, set})
		}
		return
	}
	e := c.expression(s.def.unit, expr, s.each)
	// Hosts themselves are known even where their facts are not yet.
	if !e.known() && !(arg.Kind == modules.KindHosts && hostsKnown(e.value)) {
		out.late = append(out.late, lateSetting{arg, e})
		if err := fits(arg.Kind, e.value); err != nil {
			c.errorf(expr.Range(), "Wrong value", "Argument %s: %s.", arg.Name, err)
		}
		return
	}
	value, err := c.fleet.decode(arg.Kind, e.value)
	if err == nil {
		err = c.secretReadable(value)
	}
	if err != nil {
		c.errorf(expr.Range(), "Wrong value", "Argument %s: %s.", arg.Name, err)
		return
	}
	if value == nil {
		if arg.Required {
			c.errorf(expr.Range(), "Missing argument", "%s is required, so it cannot be null.", arg.Name)
		}
		return
	}
	out.known = append(out.known, setting{arg, value})
}

// patternCall is the short way for an argument of kind hosts that is just
// hosts(PATTERN): thousands of hosts need not become values of the language.
func (c *compiler) patternCall(s *step, arg modules.Arg, expr hcl.Expression) (hostSet, bool) {
	call, ok := expr.(*hclsyntax.FunctionCallExpr)
	if !ok || arg.Kind != modules.KindHosts || call.Name != "hosts" || len(call.Args) != 1 || call.ExpandFinal || c.inv == nil {
		return nil, false
	}
	r := c.refsOf(s.def.unit, call.Args[0])
	if r.host || r.fleet {
		return nil, false
	}
	hosts, ok := c.pattern(s.def.unit, call.Args[0], s.each)
	if !ok {
		return nil, true
	}
	return hostSet(hosts), true
}

func hostsKnown(v cty.Value) bool {
	if !v.IsKnown() || v.IsNull() || v.IsMarked() || !v.CanIterateElements() || v.Type().IsMapType() || v.Type().IsObjectType() {
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		_, elem := it.Element()
		if !elem.IsKnown() || elem.IsNull() || !elem.Type().IsObjectType() || !elem.Type().HasAttribute("name") || !elem.GetAttr("name").IsKnown() {
			return false
		}
	}
	return true
}

// secretReadable finds an unset environment variable or an unreadable file before
// anything connects.
func (c *compiler) secretReadable(value any) error {
	s, ok := value.(modules.Secret)
	if !ok || s.Name == "" || c.o.Secrets == nil {
		return nil
	}
	if _, seen := c.readable[s.Name]; !seen {
		_, _, err := c.o.Secrets.Value(s.Name)
		c.readable[s.Name] = err
	}
	return c.readable[s.Name]
}

// every calls f for all late settings, those of blocks included.
func (b *body) every(f func(lateSetting)) {
	for _, l := range b.late {
		f(l)
	}
	for _, inner := range b.blocks {
		inner.body.every(f)
	}
}

// needs is what all late settings together depend on.
func (b *body) needs() *refs {
	if b.all == nil {
		b.all = &refs{}
		b.every(func(l lateSetting) { b.all.add(l.expr.refs) })
		b.all.paths = sorted(b.all.paths)
	}
	return b.all
}

// isLate says whether anything waits for facts.
func (b *body) isLate() bool {
	late := false
	b.every(func(lateSetting) { late = true })
	return late
}

// filler puts in what the language does not hold.
type filler interface {
	hosts(hostSet) []modules.Host
	secret(modules.Secret) (modules.Secret, error)
	late(lateSetting) (any, error)
}

// fill sets the arguments of config, which is the struct of b's schema.
func (b *body) fill(config any, f filler) error {
	for _, s := range b.known {
		if err := set(config, s.arg, s.value, f); err != nil {
			return at(err, b.rangeOf(s.arg.Name))
		}
	}
	for _, l := range b.late {
		value, err := f.late(l)
		if err == nil {
			err = set(config, l.arg, value, f)
		}
		if err != nil {
			return at(err, l.expr.hcl.Range())
		}
	}
	for _, inner := range b.blocks {
		block := inner.body.schema.New()
		if err := inner.body.fill(block, f); err != nil {
			return err
		}
		inner.arg.Append(config, block)
	}
	return nil
}

func set(config any, arg modules.Arg, value any, f filler) error {
	switch v := value.(type) {
	case nil:
		if arg.Required {
			return fmt.Errorf("argument %s: it is required, so it cannot be null", arg.Name)
		}
		return nil
	case hostSet:
		value = f.hosts(v)
	case modules.Secret:
		full, err := f.secret(v)
		if err != nil {
			return err
		}
		value = full
	}
	arg.Set(config, value)
	return nil
}

// at makes a diagnostic of an error, unless it is some already.
func at(err error, rng hcl.Range) error {
	if _, ok := errors.AsType[hcl.Diagnostics](err); ok {
		return err
	}
	return hcl.Diagnostics{lang.Diag("Wrong value", capitalStop(err.Error()), rng)}
}

// rangeOf finds the place of an argument in the block: "nodes", or in an inner
// block "partition.nodes", or "partition[batch].nodes" where the label says which.
// It is the block's head when the argument is not written.
func (b *body) rangeOf(arg string) hcl.Range {
	head, rest, _ := strings.Cut(arg, ".")
	if a := b.block.Body.Attributes[head]; a != nil {
		return a.Expr.Range()
	}
	typ, label, _ := strings.Cut(strings.TrimSuffix(head, "]"), "[")
	for _, inner := range b.blocks {
		labels := inner.body.block.Labels
		if inner.arg.Name == typ && (label == "" || len(labels) > 0 && labels[0] == label) {
			return inner.body.rangeOf(rest)
		}
	}
	return b.block.DefRange()
}

// invalid runs the module's own check; nil when it is content.
func (b *body) invalid(config modules.Config) *hcl.Diagnostic {
	v, ok := config.(modules.Validator)
	if !ok {
		return nil
	}
	err := v.Validate()
	if err == nil {
		return nil
	}
	rng := b.block.DefRange()
	if arg, ok := errors.AsType[*modules.ArgError](err); ok {
		rng = b.rangeOf(arg.Arg)
	}
	return lang.Diag("Invalid argument", capitalStop(err.Error()), rng)
}
