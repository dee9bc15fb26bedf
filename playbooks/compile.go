// Package playbooks reads playbooks and compiles them, with an inventory, to a
// program: steps on hosts, the edges between them, and configurations that wait
// for facts at most. It finds every mistake that can be found without a
// connection, and reports all of them at once.
package playbooks

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory"
	"muster/inventory/lang"
	"muster/modules"
	"muster/playbooks/program"
)

const (
	// maxSteps is how many steps a program may have, for_each elements counted
	// one by one.
	maxSteps = 10_000
	// maxUses is how deep playbooks may use one another.
	maxUses = 16
	// maxCycles is how many cycles are written out.
	maxCycles = 20
)

// Options are what the command line adds to a playbook.
type Options struct {
	// Vars are the values of -e KEY=VALUE. One with a variable block of its name
	// becomes that variable, in the block's type; any other is a host variable of
	// all hosts and wins over the inventory.
	Vars map[string]string
	// Limit is a host pattern; empty selects all hosts.
	Limit string
	// Modules are the modules that steps may name.
	Modules []modules.Module
	// Secrets gives the bytes of secrets when a step is bound. Without it, a step
	// that has a secret cannot be bound.
	Secrets *inventory.Secrets
}

// Compile turns a playbook and an inventory into a program. With errors the
// program is nil. The files of used playbooks are added to src.Files, so that
// diagnostics find their lines there.
func Compile(inv *inventory.Inventory, src *lang.Source, o Options) (*program.Program, hcl.Diagnostics) {
	c := newCompiler(inv, src, o)
	c.run()
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	p := c.program()
	if len(p.Vertices) == 0 && c.o.Limit != "" {
		c.errorf(hcl.Range{Filename: "-l " + o.Limit}, "Limit leaves nothing to do", "No step of the playbook runs on %s.", o.Limit)
		return nil, c.diags
	}
	return p, c.diags
}

// Validate reports what is wrong with a playbook. Without an inventory (nil) all
// is checked that does not depend on hosts.
func Validate(inv *inventory.Inventory, src *lang.Source, o Options) hcl.Diagnostics {
	c := newCompiler(inv, src, o)
	c.run()
	return c.diags
}

// compiler holds what the passes pass on.
type compiler struct {
	inv     *inventory.Inventory // nil: no hosts are known
	o       Options
	modules map[string]moduleType
	fleet   *fleet
	before  *view // the fleet while no facts are known
	units   []*unit
	defs    []*stepDef
	refs    []*reference
	edges   []edge
	order   []int32 // of defs, as they run
	steps   []*step // in file order
	chosen  []bool  // by host index: inside the limit
	exprs   map[hcl.Expression]*refs
	secrets cty.Value
	// readable caches whether the bytes of a secret can be read.
	readable map[string]error
	sources  []*lang.Source
	diags    hcl.Diagnostics
	said     map[said]bool
}

// moduleType is a module with its schema.
type moduleType struct {
	modules.Module
	schema modules.Schema
}

func newCompiler(inv *inventory.Inventory, src *lang.Source, o Options) *compiler {
	c := &compiler{inv: inv, o: o, modules: map[string]moduleType{}, exprs: map[hcl.Expression]*refs{}, readable: map[string]error{}, said: map[said]bool{}}
	for _, m := range o.Modules {
		c.modules[m.Name] = moduleType{m, modules.SchemaOf(m.New())}
	}
	c.fleet = newFleet(inv, o.Vars)
	c.before = &view{fleet: c.fleet}
	c.secrets = secretsValue(inv)
	c.sources = []*lang.Source{src}
	return c
}

// run is the list of passes. Each goes as far as it can on what the ones before
// left, so that all mistakes are found in one go.
func (c *compiler) run() {
	c.selectHosts()
	c.load()
	c.refer()
	c.sort()
	c.expand()
	c.checkVars()
	c.checkAfter()
}

// report keeps diagnostics, each once: the elements of a for_each, and a local
// that many steps name, repeat them.
func (c *compiler) report(diags ...*hcl.Diagnostic) {
	for _, d := range diags {
		key := sayingOf(d)
		if !c.said[key] {
			c.said[key] = true
			c.diags = append(c.diags, d)
		}
	}
}

type said struct{ summary, detail, place string }

func sayingOf(d *hcl.Diagnostic) said {
	key := said{d.Summary, d.Detail, ""}
	if d.Subject != nil {
		key.place = d.Subject.String()
	}
	return key
}

func (c *compiler) errorf(rng hcl.Range, summary, detail string, a ...any) {
	c.report(lang.Diag(summary, fmt.Sprintf(detail, a...), rng))
}
