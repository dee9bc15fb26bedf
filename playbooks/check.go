package playbooks

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/inventory/hostlist"
	"muster/inventory/lang"
)

// checkVars finds host variables that a step needs and some of its hosts lack. A
// step with a condition is left alone: the condition may be there for them.
func (c *compiler) checkVars() {
	if c.inv == nil {
		return
	}
	missing := map[varRef]map[int32]bool{}
	for _, s := range c.steps {
		if s.when != nil {
			c.lacking(s, s.when.refs, missing)
			continue
		}
		if s.body != nil {
			s.body.every(func(l lateSetting) { c.lacking(s, l.expr.refs, missing) })
		}
	}
	for ref, hosts := range missing {
		list := slices.Sorted(maps.Keys(hosts))
		c.errorf(ref.rng, "Missing host variable", "No variable %q: %s.%s Give it a value, for example in group \"all\", or write try(host.vars.%s, DEFAULT).",
			ref.name, hostlist.Fold(c.fleet.names(list)), lang.DidYouMean(ref.name, c.varNames(list)), ref.name)
	}
}

func (c *compiler) lacking(s *step, r *refs, missing map[varRef]map[int32]bool) {
	for _, ref := range r.vars {
		for _, h := range s.selected {
			if !c.fleet.lacks(h, ref.name) {
				continue
			}
			if missing[ref] == nil {
				missing[ref] = map[int32]bool{}
			}
			missing[ref][h] = true
		}
	}
}

func (c *compiler) varNames(hosts []int32) []string {
	names := map[string]bool{}
	for _, h := range hosts {
		for name := range c.fleet.vars(h) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// checkAfter finds every `after` between steps that share no host: it would
// silently order nothing. It also looks up the keys of single elements.
func (c *compiler) checkAfter() {
	for _, r := range c.refs {
		if r.key != "" && len(r.to[0].steps) > 0 && len(r.targets(r.to[0])) == 0 {
			c.errorf(r.rng, "Unknown step", "step %s has no element %q.%s", r.to[0].label(), r.key, lang.DidYouMean(r.key, r.to[0].keys()))
			continue
		}
		if r.all || c.inv == nil || !r.apart() {
			continue
		}
		c.errorf(r.rng, "Steps share no host", "%s and %s run on different hosts. after waits on the same host only; to wait for all hosts of the other step, write after_all = [%s].",
			describe(r.from), describe(r.to), r.text)
	}
}

// apart says that both sides have hosts and none is on both.
func (r *reference) apart() bool {
	var from, to []int32
	for _, d := range r.from {
		for _, s := range d.steps {
			from = union(from, s.all)
		}
	}
	for _, d := range r.to {
		for _, s := range r.targets(d) {
			to = union(to, s.all)
		}
	}
	return len(from) > 0 && len(to) > 0 && len(intersect(from, to)) == 0
}

// targets are the steps of d that the reference means.
func (r *reference) targets(d *stepDef) []*step {
	if r.key == "" {
		return d.steps
	}
	for _, s := range d.steps {
		if s.key == r.key {
			return []*step{s}
		}
	}
	return nil
}

func (d *stepDef) keys() []string {
	var out []string
	for _, s := range d.steps {
		out = append(out, s.key)
	}
	return out
}

func describe(defs []*stepDef) string {
	if len(defs) == 1 {
		return defs[0].label()
	}
	return fmt.Sprintf("the %d steps of %s", len(defs), strings.TrimSuffix(defs[0].unit.prefix, "/"))
}

// union merges two sorted lists.
func union(a, b []int32) []int32 {
	if len(a) == 0 {
		return b
	}
	out := make([]int32, 0, len(a)+len(b))
	out = append(append(out, a...), b...)
	slices.Sort(out)
	return slices.Compact(out)
}
