package view

import (
	"fmt"
	"strings"

	"muster/modules/machine"
)

// change shows one change: its sign, what it is about and, field by field,
// what was and what is wanted.
func (p *Plan) change(b *draft, c machine.Change) {
	sign := signOf(c)
	head := fmt.Sprintf("%s %s", sign, Line(c.Ref().String()))
	if c.Note != "" {
		head += ": " + Line(c.Note)
	}
	if c.Opaque {
		head += "  (always runs, cannot be predicted)"
	}
	if c.Outcome != machine.Planned && c.Outcome != machine.Written {
		head += "  [" + Line(string(c.Outcome)) + "]"
	}
	b.line("    %s\n", p.paint.sign(sign, head))
	b.like(head)
	if c.Want == nil {
		return
	}
	if c.Was == nil {
		p.created(b, c.Want)
		return
	}
	for _, f := range c.Want.Fields() {
		if isInput(f) {
			continue // the note says which inputs are new; their digests say nothing
		}
		b.like(f)
		p.field(b, f, c.Was[f], c.Want[f])
	}
}

// created shows the fields of a new thing: all that is short on one line.
func (p *Plan) created(b *draft, want machine.State) {
	var short []string
	for _, f := range want.Fields() {
		if isInput(f) {
			continue
		}
		b.like(f)
		v := want[f]
		switch {
		case f == "content" && !v.Unknown && !v.Secret:
		case v.Secret && !v.Unknown:
			short = append(short, Line(f)+": (secret)")
		default:
			short = append(short, Line(f)+": "+show(v))
		}
	}
	if len(short) > 0 {
		b.line("        %s\n", strings.Join(short, ", "))
	}
	if v, ok := want["content"]; ok && !v.Unknown && !v.Secret {
		p.content(b, machine.Value{}, v)
	}
}

// content shows a diff. Hosts are alike if the same lines come and go in it, also
// where it is cut.
func (p *Plan) content(b *draft, was, want machine.Value) {
	b.line("        content:\n")
	lines := diff(was, want)
	for _, line := range lines {
		if line != "" && !strings.HasPrefix(line, "@@") && line[0] != ' ' {
			b.same(line)
		}
	}
	if !p.All {
		lines = cut(lines, was.S == "")
	}
	for _, line := range lines {
		b.show("          %s\n", p.paint.diffLine(line))
	}
}

func signOf(c machine.Change) string {
	switch {
	case c.Want == nil:
		return "-"
	case c.Was == nil:
		return "+"
	}
	return "~"
}

func (p *Plan) field(b *draft, name string, was, want machine.Value) {
	switch {
	case want.Secret && want.Unknown:
		b.line("        %s: %s\n", Line(name), unknown(want))
	case was.Secret || want.Secret:
		b.line("        %s: (secret, changed)\n", Line(name))
	case name == "content" && !want.Unknown && !was.Unknown:
		p.content(b, was, want)
	default:
		b.line("        %s: %s -> %s\n", Line(name), show(was), show(want))
	}
}

func (p Paint) diffLine(line string) string {
	if line == "" {
		return line
	}
	if strings.HasPrefix(line, "@@") {
		return p.dim.Render(line)
	}
	return p.sign(line[:1], line)
}

// isInput says whether a field is the digest of something that a unit was
// started with.
func isInput(field string) bool {
	return strings.HasPrefix(field, "restart:") || strings.HasPrefix(field, "reload:")
}

func show(v machine.Value) string {
	switch {
	case v.Unknown:
		return unknown(v)
	case v.S == "":
		return "(none)"
	case strings.Contains(v.S, "\n"):
		return "[" + Line(strings.ReplaceAll(v.S, "\n", ", ")) + "]"
	}
	return Line(v.S)
}

func unknown(v machine.Value) string {
	if v.Why == "" {
		return "(known after apply)"
	}
	return "(" + Line(v.Why) + ")"
}
