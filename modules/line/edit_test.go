package line

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEditTwice: whatever the file and the arguments, a second edit changes
// nothing, and the line is there or gone.
func TestEditTwice(t *testing.T) {
	words := rapid.SampledFrom([]string{"a", "b", "a = 1", "# a", "", "x a"})
	exprs := rapid.SampledFrom([]string{"", "^a", "a", "^$", "b$"})
	rapid.Check(t, func(t *rapid.T) {
		c := Config{
			Line: rapid.SampledFrom([]string{"a", "a = 2", "b", "new"}).Draw(t, "line"), Match: exprs.Draw(t, "match"),
			After: exprs.Draw(t, "after"), State: rapid.SampledFrom([]string{"present", "absent"}).Draw(t, "state"),
		}
		content := strings.Join(rapid.SliceOfN(words, 0, 6).Draw(t, "lines"), "\n") + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "end")
		once := c.edit(content)
		if twice := c.edit(once); twice != once {
			t.Fatalf("%+v: first %q, then %q", c, once, twice)
		}
		there := strings.Contains("\n"+once+"\n", "\n"+c.Line+"\n")
		if c.State == "present" && !there {
			t.Fatalf("%+v: %q lacks the line", c, once)
		}
		if c.State == "absent" && c.Match == "" && there {
			t.Fatalf("%+v: %q has the line", c, once)
		}
	})
}
