package hostsfile

import (
	"strings"
	"testing"

	"muster/modules"
	"pgregory.net/rapid"
)

// TestEditTwice: a second edit changes nothing, the block stands there once, and
// lines that are not muster's survive.
func TestEditTwice(t *testing.T) {
	lines := rapid.SampledFrom([]string{
		"127.0.0.1 localhost", "127.0.1.1 n1 other", "127.0.1.1 n1", "10.0.0.9 mine", "# note", "", begin, end, " " + begin, "127.0.1.1 n1 # x",
	})
	c := Config{Domain: "example.com", Hosts: []modules.Host{{Name: "n1", Address: "10.0.0.1"}, {Name: "n2", Address: "fd00::2"}}}
	rapid.Check(t, func(t *rapid.T) {
		content := strings.Join(rapid.SliceOfN(lines, 0, 8).Draw(t, "lines"), "\n") + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "end")
		once := c.edit(content)
		if twice := c.edit(once); twice != once {
			t.Fatalf("first %q, then %q", once, twice)
		}
		if strings.Count(once, begin) != 1 || strings.Count(once, "10.0.0.1 n1.example.com n1\n") != 1 {
			t.Fatalf("the block is not there once: %q", once)
		}
		for l := range strings.Lines(once) {
			if strings.HasPrefix(l, "127.0.1.1") && strings.Contains(l, "n1") {
				t.Fatalf("n1 still points to loopback: %q", once)
			}
		}
	})
}
