package view

import (
	"fmt"
	"strings"

	"muster/modules/machine"
)

// change shows one change: its sign, what it is about and, field by field,
// what was and what is wanted. The text has no host in it, so that hosts with the
// same changes have the same text.
func (p *Plan) change(b *strings.Builder, c machine.Change) {
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
	fmt.Fprintf(b, "    %s\n", p.paint.sign(sign, head))
	if c.Want == nil {
		return
	}
	if c.Was == nil {
		p.created(b, c.Want)
		return
	}
	for _, f := range c.Want.Fields() {
		p.field(b, f, c.Was[f], c.Want[f])
	}
}

// created shows the fields of a new thing: all that is short on one line.
func (p *Plan) created(b *strings.Builder, want machine.State) {
	var short []string
	for _, f := range want.Fields() {
		v := want[f]
		switch {
		case isInput(f) && !v.Unknown, f == "content" && !v.Unknown && !v.Secret:
		case v.Secret && !v.Unknown:
			short = append(short, Line(f)+": (secret)")
		default:
			short = append(short, Line(f)+": "+show(v))
		}
	}
	if len(short) > 0 {
		fmt.Fprintf(b, "        %s\n", strings.Join(short, ", "))
	}
	if v, ok := want["content"]; ok && !v.Unknown && !v.Secret {
		p.content(b, machine.Value{}, v)
	}
}

func (p *Plan) content(b *strings.Builder, was, want machine.Value) {
	fmt.Fprintf(b, "        content:\n")
	for _, line := range diff(was, want, p.All) {
		fmt.Fprintf(b, "          %s\n", p.paint.diffLine(line))
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

func (p *Plan) field(b *strings.Builder, name string, was, want machine.Value) {
	switch {
	case isInput(name) && !was.Unknown && !want.Unknown:
		return // the note says which inputs are new; their digests say nothing
	case want.Secret && want.Unknown:
		fmt.Fprintf(b, "        %s: %s\n", Line(name), unknown(want))
	case was.Secret || want.Secret:
		fmt.Fprintf(b, "        %s: (secret, changed)\n", Line(name))
	case name == "content" && !want.Unknown && !was.Unknown:
		p.content(b, was, want)
	default:
		fmt.Fprintf(b, "        %s: %s -> %s\n", Line(name), show(was), show(want))
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
