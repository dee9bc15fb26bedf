package view

import (
	"fmt"
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"

	"muster/modules/machine"
)

// The caps of a diff: what is larger is only counted.
const (
	maxDiff      = 1 << 20 // bytes of either side
	maxLines     = 20_000  // lines of either side: /etc/hosts of 10 000 nodes has half of it
	maxDiffLines = 200     // shown without -v
	maxNewLines  = 12      // of a new file
)

// diff shows how a content changes, each line with its sign.
func diff(was, want machine.Value) []string {
	switch {
	case len(was.S) > maxDiff || len(want.S) > maxDiff:
		return []string{fmt.Sprintf("(%d bytes -> %d bytes)", len(was.S), len(want.S))}
	case lineCount(was.S) > maxLines || lineCount(want.S) > maxLines:
		return []string{fmt.Sprintf("(%d lines -> %d lines)", lineCount(was.S), lineCount(want.S))}
	case binary(was.S) || binary(want.S):
		return []string{fmt.Sprintf("(not text: %d bytes -> %d bytes)", len(was.S), len(want.S))}
	}
	var out []string
	if was.S == "" { // a new file: there is nothing to compare it with
		for line := range strings.Lines(want.S) {
			out = append(out, Line("+"+strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    ")))
		}
		return out
	}
	text := udiff.Unified("was", "want", was.S, want.S)
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.HasPrefix(line, "--- was") || strings.HasPrefix(line, "+++ want") || strings.HasPrefix(line, `\ No newline`) {
			continue
		}
		out = append(out, Line(strings.ReplaceAll(line, "\t", "    ")))
	}
	return out
}

// cut shortens a diff, that of a new file more.
func cut(lines []string, isNew bool) []string {
	limit := maxDiffLines
	if isNew {
		limit = maxNewLines
	}
	if len(lines) <= limit {
		return lines
	}
	return append(lines[:limit:limit], fmt.Sprintf("… %s (-v shows all)", count(len(lines)-limit, "more line", "more lines")))
}

func lineCount(s string) int { return strings.Count(s, "\n") }

func binary(s string) bool { return strings.IndexByte(s, 0) >= 0 }
