package inventory

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"muster/inventory/hostlist"
	"muster/inventory/lang"
)

// hostDecl is what the blocks say about one host: at most one range and one
// block of its own, whatever their order.
type hostDecl struct {
	name           string
	ofRange, own   *layer
	address        ref
	groups         []ref
	decl, ownRange hcl.Range
}

var hostAttributes = []string{"address", "groups", "vars"}

func (l *loader) layer(b *hclsyntax.Block, what, from string, attributes []string) *layer {
	l.add(lang.Check(b.Body, lang.Schema{What: what, Attributes: attributes, Blocks: map[string]int{"connection": 0}})...)
	out := &layer{from: from, vars: l.vars(b.Body, from)}
	for _, inner := range b.Body.Blocks {
		if inner.Type != "connection" || len(inner.Labels) > 0 {
			continue
		}
		if out.conn != nil {
			l.add(lang.Diag("Duplicate connection", "A block has one connection.", inner.DefRange()))
			continue
		}
		out.conn = l.connection(inner, from)
	}
	return out
}

// hostsBlock declares the hosts of a range.
func (l *loader) hostsBlock(b *hclsyntax.Block) {
	label, rng := b.Labels[0], b.LabelRanges[0]
	lay := l.layer(b, "a hosts block", "hosts "+label, hostAttributes)
	names, err := hostlist.Expand(label)
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("the name is empty")
	}
	if err != nil {
		l.add(lang.Diag("Bad range", capital(err.Error())+`. Write "dgx[001-032]".`, rng))
		return
	}
	addresses, addrRange := l.addresses(b.Body, names)
	groups := l.refs(b.Body, "groups")
	for i, name := range names {
		h := l.host(name, rng)
		if h == nil {
			return
		}
		if h.ofRange != nil {
			l.add(lang.Diag("Duplicate host", fmt.Sprintf("%q is already a host of %q at %s.",
				name, h.ofRange.from, lang.Where(h.decl)), rng))
			return
		}
		if h.own == nil {
			h.decl = b.DefRange()
		}
		h.ofRange = lay
		h.groups = append(h.groups, groups...)
		if addresses != nil && h.address.name == "" {
			h.address = ref{addresses[i], addrRange}
		}
	}
}

// addresses expands the address of a range, one for each name. Nil when there
// is none.
func (l *loader) addresses(body *hclsyntax.Body, names []string) ([]string, hcl.Range) {
	text, rng, ok := l.text(body, "address")
	if !ok {
		return nil, rng
	}
	out, err := hostlist.Expand(text)
	if err != nil {
		l.add(lang.Diag("Bad range", capital(err.Error())+`. Write "10.0.1.[1-32]".`, rng))
		return nil, rng
	}
	if len(out) != len(names) {
		l.add(lang.Diag("Ranges of different length",
			fmt.Sprintf("%d names have %d addresses.", len(names), len(out)), rng))
		return nil, rng
	}
	for _, a := range out {
		if !isAddress(a) {
			l.add(badAddress(a, rng))
			return nil, rng
		}
	}
	return out, rng
}

func badAddress(a string, rng hcl.Range) *hcl.Diagnostic {
	return lang.Diag("Bad address", fmt.Sprintf("%q is neither a host name nor an IP address. "+
		"A port is written in a connection block.", a), rng)
}

// hostBlock declares one host, or says more about a host of a range.
func (l *loader) hostBlock(b *hclsyntax.Block) {
	name, rng := b.Labels[0], b.LabelRanges[0]
	lay := l.layer(b, "a host block", "host "+name, hostAttributes)
	h := l.host(name, rng)
	if h == nil {
		return
	}
	if h.own != nil {
		l.add(lang.Diag("Duplicate host", fmt.Sprintf("%q already has a block at %s.", name, lang.Where(h.ownRange)), rng))
		return
	}
	h.own, h.ownRange = lay, b.DefRange()
	if h.ofRange == nil {
		h.decl = b.DefRange()
	}
	h.groups = append(h.groups, l.refs(b.Body, "groups")...)
	address, addrRange, ok := l.text(b.Body, "address")
	if !ok {
		return
	}
	if !isAddress(address) {
		l.add(badAddress(address, addrRange))
		return
	}
	h.address = ref{address, addrRange}
}

// host finds or makes a declaration. Nil after a name that cannot be used.
func (l *loader) host(name string, rng hcl.Range) *hostDecl {
	if h := l.hosts[name]; h != nil {
		return h
	}
	if !isName(name) || name == "all" {
		l.add(badName("host", name, rng))
		return nil
	}
	if len(l.hosts) == maxHosts {
		l.add(lang.Diag("Too many hosts", fmt.Sprintf("An inventory may have %d hosts.", maxHosts), rng))
		return nil
	}
	h := &hostDecl{name: name}
	l.hosts[name] = h
	l.order = append(l.order, h)
	return h
}
