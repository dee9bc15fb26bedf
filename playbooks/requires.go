package playbooks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// requires checks the inventory against a playbook's requires blocks. It counts
// the whole inventory, whatever the limit.
func (c *compiler) requires(u *unit) {
	for _, b := range u.pb.requires {
		c.require(u, b)
	}
}

func (c *compiler) require(u *unit, b *hclsyntax.Block) {
	expr := attribute(b, "group")
	if expr == nil {
		return
	}
	name, ok := c.constantText(u, "group", expr, cty.NilVal)
	least, okMin := c.bound(u, b, "min")
	most, okMax := c.bound(u, b, "max")
	message := ""
	if e := attribute(b, "message"); e != nil {
		message, _ = c.constantText(u, "message", e, cty.NilVal)
	}
	if !ok || !okMin || !okMax || c.inv == nil {
		return
	}
	if least < 0 && most < 0 {
		least = 1
	}
	if least >= 0 && most >= 0 && most < least {
		c.errorf(b.DefRange(), "Wrong value", "max is less than min.")
		return
	}
	c.count(b.DefRange(), name, least, most, message)
}

func (c *compiler) count(rng hcl.Range, name string, least, most int, message string) {
	hosts, hint := 0, ""
	if g := c.inv.Groups[name]; g != nil {
		hosts = len(g.Hosts)
	} else {
		hint = lang.DidYouMean(name, slices.Sorted(maps.Keys(c.inv.Groups)))
		hint = fmt.Sprintf(" No host or group block of the inventory names the group.%s", hint)
	}
	var need string
	switch {
	case least >= 0 && hosts < least:
		need = fmt.Sprintf("at least %d", least)
	case most >= 0 && hosts > most:
		need = fmt.Sprintf("at most %d", most)
	default:
		return
	}
	detail := fmt.Sprintf("Group %q has %s; the playbook needs %s.%s", name, countText(hosts), need, hint)
	if message != "" {
		detail += " " + capitalStop(message)
	}
	c.errorf(rng, "Inventory does not fit the playbook", "%s", detail)
}

func countText(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

// bound reads min or max; -1 when it is not written.
func (c *compiler) bound(u *unit, b *hclsyntax.Block, name string) (int, bool) {
	expr := attribute(b, name)
	if expr == nil {
		return -1, true
	}
	v := c.constant(u, name, expr, cty.NilVal)
	if v == nil {
		return 0, false
	}
	n, err := c.fleet.decode("number", *v)
	if err == nil && n.(int) < 0 {
		err = fmt.Errorf("it is at least 0")
	}
	if err != nil {
		c.errorf(expr.Range(), "Wrong value", "Argument %s: %s.", name, err)
		return 0, false
	}
	return n.(int), true
}
