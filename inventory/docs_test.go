package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocs loads all examples of the reference together, as one inventory.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "inventory.md"))
	if err != nil {
		t.Fatal(err)
	}
	var examples strings.Builder
	blocks := strings.Split(string(text), "```hcl\n")
	for _, b := range blocks[1:] {
		code, _, _ := strings.Cut(b, "```")
		examples.WriteString(code)
	}
	inv, diags := Load(write(t, examples.String()), Options{Extra: map[string]string{"ntp": "10.9.9.9"}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if len(blocks) < 5 || len(inv.Hosts) != 36 || len(inv.Secrets) != 3 || !inv.Host("here").Connection.Local {
		t.Errorf("%d blocks, %d hosts", len(blocks), len(inv.Hosts))
	}
	for name := range connectionTypes {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("the reference does not tell %s", name)
		}
	}
}
