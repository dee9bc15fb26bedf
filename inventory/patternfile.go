package inventory

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// maxPatternFile is how much of an @file is read, in bytes.
const maxPatternFile = 4 << 20

// adds says whether any of the terms selects hosts, and not only narrows.
func adds(terms []term) bool {
	return slices.ContainsFunc(terms, func(t term) bool { return t.op == 0 })
}

// patternFile adds what the lines of a file select: one pattern a line, with
// empty lines and # comments. Its path starts at the working folder.
func (inv *Inventory) patternFile(out map[*Host]bool, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxPatternFile))
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(text) == "" {
			continue
		}
		if terms, err := parsePattern(text); err == nil && !adds(terms) {
			return fmt.Errorf("%s:%d: %q alone would select all other hosts; write it behind what it narrows, as in gpu:%s",
				name, n, strings.TrimSpace(text), strings.TrimSpace(text))
		}
		set, _, err := inv.match(text, false)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		maps.Copy(out, set)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
