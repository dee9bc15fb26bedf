package playbooks

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
	"muster/modules"
)

// step is one step of the program: a step block, or one element of its for_each.
type step struct {
	def  *stepDef
	key  string // of for_each
	each cty.Value
	// all are the hosts of the step, selected those of them inside the limit.
	all, selected []int32
	when          *expression // nil: always
	batch         int
	maxFail       int
	timeout       time.Duration
	body          *body
	id            int32 // in the program
	first         int32 // its first vertex
}

// name is slurm_node[compute], with a key user[people.alice].
func (s *step) name() string {
	if s.key == "" {
		return s.def.label()
	}
	return strings.TrimSuffix(s.def.label(), "]") + "." + s.key + "]"
}

// expand makes the steps of all step blocks: for_each, hosts, arguments.
func (c *compiler) expand() {
	for _, d := range c.defs {
		for _, s := range c.elements(d) {
			if len(c.steps) >= maxSteps {
				c.errorf(d.block.DefRange(), "Too many steps", "A program may have %d steps, each element of a for_each counted.", maxSteps)
				return
			}
			if c.fillStep(s) {
				d.steps = append(d.steps, s)
				c.steps = append(c.steps, s)
			}
		}
	}
}

// fillStep evaluates a step; false when it runs nowhere: its condition is false
// before any host is asked, or the groups in question do not exist. Then the rest
// of it is not evaluated, since it may name what does not exist either.
func (c *compiler) fillStep(s *step) bool {
	if !c.when(s) {
		return false
	}
	b, found := s.def.block, false
	if e := attribute(b, "on"); e != nil {
		s.all, found = c.pattern(s.def.unit, e, s.each)
	}
	if s.def.unit.limited {
		s.all = intersect(s.all, s.def.unit.only)
	}
	if found && len(s.all) == 0 {
		return false
	}
	for _, h := range s.all {
		if c.chosen[h] {
			s.selected = append(s.selected, h)
		}
	}
	if s.def.module.New != nil {
		before := len(c.diags)
		s.body = c.body(s, b, s.def.module.schema, commonArgs)
		if len(c.diags) == before && !s.def.bad {
			c.validateStep(s)
		}
	}
	c.pace(s)
	return true
}

// validateStep runs the module's check while compiling when all is known but facts.
func (c *compiler) validateStep(s *step) {
	waiting := false
	s.body.every(func(lateSetting) { waiting = true })
	if waiting {
		return // what waits is checked when the step is bound
	}
	config := s.def.module.New()
	if err := s.body.fill(config, compileFiller{c.before}); err != nil {
		panic("playbooks: known arguments cannot be set: " + err.Error())
	}
	if d := s.body.invalid(config); d != nil {
		c.report(d)
	}
}

// compileFiller stands in for what is not known while compiling: hosts without
// facts, secrets without bytes.
type compileFiller struct{ view *view }

func (f compileFiller) hosts(set hostSet) []modules.Host { return f.view.argument(set) }

func (f compileFiller) secret(s modules.Secret) (modules.Secret, error) {
	s.Pending = true
	return s, nil
}

func (f compileFiller) late(lateSetting) (any, error) {
	panic("playbooks: a late argument while compiling")
}

// when evaluates the condition as far as it can be; false when the step is known
// not to run at all.
func (c *compiler) when(s *step) bool {
	expr := attribute(s.def.block, "when")
	if expr == nil {
		return true
	}
	e := c.expression(s.def.unit, expr, s.each)
	if !e.known() {
		s.when = e
		if err := fits(modules.KindBool, e.value); err != nil {
			c.errorf(expr.Range(), "Wrong value", "when is true or false: %s.", err)
		}
		return true
	}
	yes, err := truth(e.value)
	if err != nil {
		c.errorf(expr.Range(), "Wrong value", "when is true or false: %s.", err)
	}
	return yes || err != nil
}

// truth reads a condition. A sensitive one is fine: only its outcome shows.
func truth(v cty.Value) (bool, error) {
	plain, _ := v.UnmarkDeep()
	if plain.IsNull() {
		plain = cty.StringVal("null")
	}
	yes, err := decodeBool(plain)
	if err != nil {
		return false, err
	}
	return yes.(bool), nil
}

// pattern evaluates a host pattern to sorted host indices.
func (c *compiler) pattern(u *unit, expr hcl.Expression, each cty.Value) ([]int32, bool) {
	text, ok := c.constantText(u, "A host pattern", expr, each)
	if !ok || c.inv == nil {
		return nil, false
	}
	hosts, err := c.fleet.match(text)
	if err != nil {
		c.errorf(expr.Range(), "No such hosts", "%s", capitalStop(err.Error()))
		return nil, false
	}
	return hosts, true
}

// selectHosts applies the limit.
func (c *compiler) selectHosts() {
	if c.inv == nil {
		return
	}
	c.chosen = make([]bool, len(c.inv.Hosts))
	if c.o.Limit == "" {
		for i := range c.chosen {
			c.chosen[i] = true
		}
		return
	}
	hosts, err := c.fleet.match(c.o.Limit)
	if err != nil || len(hosts) == 0 {
		detail := "The limit selects no host."
		if err != nil {
			detail = capitalStop(err.Error())
		}
		c.report(lang.Diag("Limit matches no host", detail, hcl.Range{Filename: "-l " + c.o.Limit}))
		return
	}
	for _, h := range hosts {
		c.chosen[h] = true
	}
}
