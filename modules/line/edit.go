package line

import (
	"regexp"
	"slices"
	"strings"
)

// edit gives the content with the line in it, or out of it. A content that needs
// nothing comes back byte for byte; otherwise its last line gets an end.
func (c *Config) edit(content string) string {
	lines := strings.Split(content, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	before := slices.Clone(lines)
	if c.State == "absent" {
		lines = slices.DeleteFunc(lines, c.unwanted)
	} else {
		lines = c.place(lines)
	}
	if slices.Equal(before, lines) {
		return content
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func (c *Config) unwanted(l string) bool {
	if c.Match != "" {
		return regexp.MustCompile(c.Match).MatchString(l)
	}
	return l == c.Line
}

// place puts the line where it belongs: over the line that match finds, nowhere
// if it is there, behind the line that after finds, or at the end. A line that
// match does not find is done once it is there: otherwise each run would replace
// one more of the lines that match does find.
func (c *Config) place(lines []string) []string {
	there := slices.Contains(lines, c.Line)
	if there && lastMatch([]string{c.Line}, c.Match) < 0 {
		return lines
	}
	if i := lastMatch(lines, c.Match); i >= 0 {
		lines[i] = c.Line
		return lines
	}
	at := len(lines)
	if i := lastMatch(lines, c.After); i >= 0 {
		at = i + 1
	}
	return slices.Insert(lines, at, c.Line)
}

// lastMatch is the index of the last line that the expression finds, -1 for none
// and for an empty expression.
func lastMatch(lines []string, expr string) int {
	if expr == "" {
		return -1
	}
	re := regexp.MustCompile(expr)
	for i := len(lines) - 1; i >= 0; i-- {
		if re.MatchString(lines[i]) {
			return i
		}
	}
	return -1
}
