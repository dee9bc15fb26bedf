package integration

import (
	"os"
	"path/filepath"
	"testing"
)

// TestExamplesPlan plans every example from its recorded facts: each host that a
// step names is planned, and nothing is left in the example's folder.
func TestExamplesPlan(t *testing.T) {
	inventories, err := filepath.Glob("../examples/*/inventory.hcl")
	if err != nil || len(inventories) < 2 {
		t.Fatalf("examples: %v %v", inventories, err)
	}
	for _, inv := range inventories {
		inv, err := filepath.Abs(inv)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(inv)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			for _, playbook := range []string{"slurm-cluster", filepath.Join(dir, "site.hcl")} {
				s := muster(t, t.TempDir(), "plan", "-i", inv, "--no-connect", "--json", playbook).want(t, 0).summary(t)
				if s.Changes == 0 || len(s.Unreachable) > 0 {
					t.Errorf("%s: %d changes, not planned: %v", playbook, s.Changes, s.Unreachable)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, ".muster")); err == nil {
				t.Errorf("a plan left %s/.muster behind", dir)
			}
		})
	}
}
