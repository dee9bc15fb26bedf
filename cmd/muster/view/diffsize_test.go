package view

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/modules/machine"
)

// side is n lines of which none is on the other side.
func side(mark string, n int) machine.Value {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d\n", mark, i*7919%100_003)
	}
	return machine.Text(b.String())
}

// TestLargestDiff: what a node that wants to keep everybody waiting would send, at
// the caps and beyond. Events are shown one after the other.
func TestLargestDiff(t *testing.T) {
	start := time.Now()
	if lines := cut(diff(side("a", maxLines), side("b", maxLines)), false); len(lines) != maxDiffLines+1 {
		t.Errorf("%d lines", len(lines))
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("at the cap: %v", took)
	}
	for _, c := range []struct {
		was, want machine.Value
		text      string
	}{
		{side("a", maxLines+1), side("b", 3), "(20001 lines -> 3 lines)"},
		{machine.Text(strings.Repeat("a", maxDiff+1)), machine.Text("b"), "(1048577 bytes -> 1 bytes)"},
	} {
		if got := diff(c.was, c.want); len(got) != 1 || got[0] != c.text {
			t.Errorf("%.80q, want %s", got, c.text)
		}
	}
}
