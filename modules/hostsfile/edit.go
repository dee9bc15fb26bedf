package hostsfile

import (
	"slices"
	"strings"
)

// The lines around the block.
const (
	begin = "# muster: begin of cluster hosts"
	end   = "# muster: end of cluster hosts"
)

// edit puts the block where an earlier one stands, or at the end, and frees the
// hosts' names from 127.0.1.1.
func (c *Config) edit(content string) string {
	old := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
	if content == "" {
		old = nil
	}
	before, after := cutBlock(old)
	lines, names := c.block()
	block := slices.Concat([]string{begin}, lines, []string{end})
	all := slices.Concat(free(before, names), block, free(after, names))
	return strings.Join(all, "\n") + "\n"
}

// cutBlock splits the lines around the block. A block without its end, or an end
// without a begin, is what a person left behind: its mark goes, its lines stay.
func cutBlock(lines []string) (before, after []string) {
	isMark := func(l string) bool { l = strings.TrimSpace(l); return l == begin || l == end }
	b := slices.IndexFunc(lines, func(l string) bool { return strings.TrimSpace(l) == begin })
	if b < 0 {
		return slices.DeleteFunc(slices.Clone(lines), isMark), nil
	}
	n := slices.IndexFunc(lines[b:], func(l string) bool { return strings.TrimSpace(l) == end })
	before, after = lines[:b], lines[b+1:]
	if n >= 0 {
		after = lines[b+n+1:]
	}
	return slices.DeleteFunc(slices.Clone(before), isMark), slices.DeleteFunc(slices.Clone(after), isMark)
}

// free takes the names off the lines for 127.0.1.1, and takes a line away that
// names nothing else.
func free(lines []string, names map[string]bool) []string {
	var out []string
	for _, l := range lines {
		text, comment, _ := strings.Cut(l, "#")
		f := strings.Fields(text)
		if len(f) < 2 || f[0] != "127.0.1.1" {
			out = append(out, l)
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(f), func(n string) bool { return names[n] })
		switch {
		case len(kept) == len(f):
			out = append(out, l)
		case len(kept) > 1 && comment != "":
			out = append(out, strings.Join(kept, " ")+" #"+comment)
		case len(kept) > 1:
			out = append(out, strings.Join(kept, " "))
		}
	}
	return out
}
