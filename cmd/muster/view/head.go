package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/modules/machine"
	"muster/playbooks/event"
)

// head counts what a reviewer asks first.
type head struct {
	changing map[string]bool                // hosts
	daemons  map[string]map[string][]string // action to unit to hosts
	packages map[string]map[string][]string // what happens to package to hosts
	opaque   map[string][]string            // command to hosts
	unknown  int
	reboots  map[string]bool
	broken   int             // steps that cannot be planned
	failed   map[string]bool // their hosts
}

func newHead() head {
	return head{changing: map[string]bool{}, daemons: map[string]map[string][]string{},
		packages: map[string]map[string][]string{}, opaque: map[string][]string{}, reboots: map[string]bool{}, failed: map[string]bool{}}
}

func (h *head) take(e event.Event) {
	if e.Failure != nil {
		h.broken++
		h.failed[e.Host] = true
	}
	for _, c := range e.Changes {
		h.changing[e.Host] = true
		if c.Was.Unknown() || c.Want.Unknown() {
			h.unknown++
		}
		switch {
		case c.Opaque:
			h.opaque[c.Key] = append(h.opaque[c.Key], e.Host)
		case c.Table == "unit":
			action, _, _ := strings.Cut(c.Note, " ")
			add(h.daemons, action, c.Key, e.Host)
		case c.Table == "package":
			add(h.packages, packageVerb(c), c.Key, e.Host)
		case c.Table == "reboot":
			h.reboots[e.Host] = true
		}
	}
}

func add(m map[string]map[string][]string, what, name, host string) {
	if what == "" {
		return
	}
	if m[what] == nil {
		m[what] = map[string][]string{}
	}
	m[what][name] = append(m[what][name], host)
}

func packageVerb(c machine.Change) string {
	was, want := c.Was.Get("version"), c.Want.Get("version")
	switch {
	case c.Want == nil:
		return "remove"
	case c.Was == nil:
		return "install"
	case was.Unknown || want.Unknown:
		return "change"
	case older(want.S, was.S):
		return "downgrade"
	}
	return "upgrade"
}

// writeHead shows what a reviewer asks first.
func (p *Plan) writeHead(b *strings.Builder) {
	h := &p.head
	title := fmt.Sprintf("Plan %s: %d of %s to change, %s", p.sum.Plan, len(h.changing),
		count(p.sum.Hosts, "node", "nodes"), count(p.sum.Changes, "change", "changes"))
	if p.sum.Changes == 0 && p.sum.Opaque == 0 {
		title = fmt.Sprintf("Plan %s: nothing to change on %d of %s", p.sum.Plan, p.sum.Hosts-p.missing(), count(p.sum.Hosts, "node", "nodes"))
	}
	if p.sum.Hosts > 0 && p.missing() == p.sum.Hosts {
		title = fmt.Sprintf("Plan %s: 0 of %s could be planned", p.sum.Plan, count(p.sum.Hosts, "node", "nodes"))
	}
	fmt.Fprintln(b, p.paint.bold.Render(title))
	for _, action := range []string{"restart", "reload", "start", "stop"} {
		for _, unit := range slices.Sorted(maps.Keys(h.daemons[action])) {
			p.line(b, action, Line(strings.TrimSuffix(unit, ".service"))+" on "+p.nodes(distinct(h.daemons[action][unit])))
		}
	}
	p.packages(b)
	if p.sum.Changes > 0 {
		p.line(b, "reboot", rebootText(h.reboots))
	}
	for _, name := range slices.Sorted(maps.Keys(h.opaque)) {
		p.line(b, "always runs", Line(name)+" on "+p.nodes(distinct(h.opaque[name]))+", what it changes cannot be predicted")
	}
	if h.unknown > 0 {
		p.line(b, "unknown", count(h.unknown, "change has a value", "changes have values")+" known only after apply")
	}
	for _, e := range p.notes {
		text := Line(e.Text)
		if e.Step != "" {
			text = Line(e.Step) + ": " + text
		}
		p.line(b, "note", text)
	}
	if n := len(h.failed); n > 0 {
		p.line(b, "failed", p.paint.red.Render(count(h.broken, "step", "steps")+" cannot be planned on "+nodes(slices.Sorted(maps.Keys(h.failed)))))
	}
	p.unplanned(b)
}

func rebootText(hosts map[string]bool) string {
	if len(hosts) == 0 {
		return "0 nodes"
	}
	return nodes(slices.Sorted(maps.Keys(hosts)))
}

// packages are counted; those that go or step back are named.
func (p *Plan) packages(b *strings.Builder) {
	for _, verb := range []string{"install", "upgrade", "change"} {
		if list := p.head.packages[verb]; len(list) > 0 {
			var hosts []string
			for _, on := range list {
				hosts = append(hosts, on...)
			}
			p.line(b, verb, count(len(list), "package", "packages")+" on "+p.nodes(distinct(hosts)))
		}
	}
	for _, verb := range []string{"remove", "downgrade"} {
		for _, name := range slices.Sorted(maps.Keys(p.head.packages[verb])) {
			p.line(b, verb, p.paint.red.Render("package "+Line(name))+" on "+nodes(distinct(p.head.packages[verb][name])))
		}
	}
}

// unplanned says which hosts the plan is not about, and why. A cause that names
// its host is the same one for all, and then none of them is named in it.
func (p *Plan) unplanned(b *strings.Builder) {
	hosts, first := map[string][]string{}, map[string]string{}
	var keys []string // by the first host
	for _, host := range slices.Sorted(maps.Keys(p.hosts)) {
		e := p.hosts[host]
		if !missing(e.State) {
			continue
		}
		cause := string(e.State) + ": " + Line(strings.TrimPrefix(e.Text, host+": "))
		key := strings.ReplaceAll(cause, host, "NODE")
		if len(hosts[key]) == 0 {
			keys = append(keys, key)
			first[key] = cause
		} else {
			first[key] = key
		}
		hosts[key] = append(hosts[key], host)
	}
	for _, key := range keys {
		p.line(b, "not planned", p.paint.red.Render(nodes(hosts[key])+", "+first[key]))
	}
}

// distinct are the names in order, each once: two steps may do the same on a host.
func distinct(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

func missing(s event.State) bool {
	return s == event.Unreachable || s == event.Locked || s == event.Failed
}

func (p *Plan) missing() int {
	n := 0
	for _, e := range p.hosts {
		if missing(e.State) {
			n++
		}
	}
	return n
}

func (p *Plan) line(b *strings.Builder, what, text string) {
	fmt.Fprintf(b, "  %-11s %s\n", what, text)
}
