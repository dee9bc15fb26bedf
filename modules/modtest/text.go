package modtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/modules/machine"
)

// entry is one state of a case. As text:
//
//	file[/etc/motd]
//	  mode: 0644
//	  content:
//	    | first line
//	    | second line
//
// A value with several lines, or one that ends with a line break, stands behind
// bars; a last line "\" says that the value does not end with a break. "- ref" is
// a key that is gone.
type entry struct {
	by    string // the package that brings it
	ref   machine.Ref
	state machine.State // nil: gone
}

func parseStates(text string) ([]entry, error) {
	var out []entry
	field := ""
	for n, l := range strings.Split(text, "\n") {
		rest, indented := strings.CutPrefix(l, "  ")
		switch bar, inBlock := strings.CutPrefix(rest, "  |"); {
		case strings.TrimSpace(l) == "":
		case !indented:
			e, err := parseHead(l)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n+1, err)
			}
			out, field = append(out, e), ""
		case len(out) == 0 || out[len(out)-1].state == nil:
			return nil, fmt.Errorf("line %d: a field without its key", n+1)
		case inBlock && field != "":
			s := out[len(out)-1].state
			s[field] = machine.Text(s[field].S + strings.TrimPrefix(bar, " ") + "\n")
		case rest == `  \` && field != "":
			s := out[len(out)-1].state
			s[field] = machine.Text(strings.TrimSuffix(s[field].S, "\n"))
		default:
			name, value, ok := cutField(rest)
			if !ok {
				return nil, fmt.Errorf("line %d: want field: value, or a line behind a bar", n+1)
			}
			field = name
			out[len(out)-1].state[field] = machine.Text(value)
		}
	}
	return out, nil
}

// cutField splits at the last ": " or at a final colon; a field name of an input
// holds colons of its own.
func cutField(s string) (name, value string, ok bool) {
	if name, ok := strings.CutSuffix(s, ":"); ok {
		return name, "", true
	}
	return strings.Cut(s, ": ")
}

func parseHead(l string) (entry, error) {
	e := entry{state: machine.State{}}
	if rest, gone := strings.CutPrefix(l, "- "); gone {
		e.state, l = nil, rest
	}
	if by, rest, ok := strings.Cut(l, " brings "); ok {
		e.by, l = by, rest
	}
	table, key, ok := strings.Cut(l, "[")
	key, closed := strings.CutSuffix(key, "]")
	if !ok || !closed {
		return e, fmt.Errorf("%q: want table[key]", l)
	}
	e.ref = machine.Ref{Table: table, Key: key}
	return e, nil
}

// changed lists what differs between two dumps of a machine, in order.
func changed(before, after map[machine.Ref]machine.State) []entry {
	var out []entry
	for ref, s := range after {
		if was, ok := before[ref]; !ok || !maps.Equal(was, s) {
			out = append(out, entry{ref: ref, state: s})
		}
	}
	for ref := range before {
		if _, ok := after[ref]; !ok {
			out = append(out, entry{ref: ref})
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.ref.String(), b.ref.String()) })
	return out
}

func statesText(entries []entry) string {
	var b strings.Builder
	for _, e := range entries {
		if e.state == nil {
			fmt.Fprintf(&b, "- %s\n", e.ref)
			continue
		}
		fmt.Fprintln(&b, e.ref)
		for _, f := range e.state.Fields() {
			writeField(&b, f, e.state[f])
		}
	}
	return b.String()
}

// changesText is a list of changes: + for what comes, - for what goes, ~ with
// "FIELD was" for what differs.
func changesText(changes []machine.Change) string {
	var b strings.Builder
	for _, c := range changes {
		sign := "~"
		switch {
		case c.Was == nil:
			sign = "+"
		case c.Want == nil:
			sign = "-"
		}
		fmt.Fprintf(&b, "%s %s", sign, c.Ref())
		if c.Note != "" {
			fmt.Fprintf(&b, ": %s", c.Note)
		}
		if c.Opaque {
			fmt.Fprint(&b, " (opaque)")
		}
		fmt.Fprintln(&b)
		for _, f := range slices.Compact(slices.Sorted(slices.Values(append(c.Was.Fields(), c.Want.Fields()...)))) {
			if v, ok := c.Was[f]; ok {
				writeField(&b, f+" was", v)
			}
			if v, ok := c.Want[f]; ok {
				writeField(&b, f, v)
			}
		}
	}
	return b.String()
}

func writeField(b *strings.Builder, name string, v machine.Value) {
	switch {
	case v.Unknown:
		fmt.Fprintf(b, "  %s: (unknown: %s)\n", name, v.Why)
	case v.Secret:
		fmt.Fprintf(b, "  %s: (secret)\n", name)
	case v.S == "":
		fmt.Fprintf(b, "  %s:\n", name)
	case !strings.Contains(v.S, "\n"):
		fmt.Fprintf(b, "  %s: %s\n", name, v.S)
	default:
		fmt.Fprintf(b, "  %s:\n", name)
		lines := strings.Split(strings.TrimSuffix(v.S, "\n"), "\n")
		for _, l := range lines {
			fmt.Fprintln(b, strings.TrimRight("    | "+l, " "))
		}
		if !strings.HasSuffix(v.S, "\n") {
			fmt.Fprintln(b, `    \`)
		}
	}
}
