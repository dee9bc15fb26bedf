package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// arrows says who may not know whom: no package under the left side depends, at
// any distance, on one under the right side (ARCHITECTURE.md).
var arrows = []struct {
	from []string
	not  []string
}{
	{[]string{"muster/playbooks/run", "muster/playbooks/graph", "muster/playbooks/event", "muster/playbooks/program",
		"muster/transport/...", "muster/modules/...", "muster/cmd/muster-agent"},
		[]string{"github.com/hashicorp/hcl", "github.com/zclconf/go-cty", "muster/inventory/lang"}},
	{[]string{"muster/modules/...", "muster/transport/wire", "muster/transport/agent", "muster/cmd/muster-agent"},
		[]string{"golang.org/x/crypto/ssh", "github.com/pkg/sftp"}},
	{[]string{"muster/inventory/...", "muster/modules/...", "muster/transport/..."}, []string{"muster/playbooks"}},
	{[]string{"muster/inventory/..."}, []string{"muster/transport"}},
	{[]string{"muster/playbooks/graph"}, []string{"muster/modules", "muster/transport"}},
	{[]string{"muster/modules/machine/..."}, []string{"muster/modules/all"}},
}

func TestImportArrows(t *testing.T) {
	for _, a := range arrows {
		for _, dep := range deps(t, a.from) {
			for _, not := range a.not {
				if dep == not || strings.HasPrefix(dep, not+"/") {
					t.Errorf("%v may not depend on %s, and does", a.from, dep)
				}
			}
		}
	}
}

func deps(t *testing.T, patterns []string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps"}, patterns...)...)
	cmd.Dir, cmd.Stderr = "..", os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps %v: %v", patterns, err)
	}
	return strings.Fields(string(out))
}

// TestAgentSize holds the agents, as embedded, under 8 MB.
func TestAgentSize(t *testing.T) {
	const limit = 8 << 20
	for _, arch := range []string{"amd64", "arm64"} {
		out := filepath.Join(t.TempDir(), "agent-"+arch)
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "muster/cmd/muster-agent")
		cmd.Dir, cmd.Stderr = "..", os.Stderr
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(out)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("agent for %s: %.1f MB", arch, float64(info.Size())/(1<<20))
		if info.Size() > limit {
			t.Errorf("agent for %s: %d bytes, at most %d are allowed", arch, info.Size(), limit)
		}
	}
}

// TestPackageNames keeps out the names that say nothing.
func TestPackageNames(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", "{{.Name}} {{.ImportPath}}", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, p, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains([]string{"util", "utils", "common", "helpers", "base", "manager", "types"}, name) {
			t.Errorf("package %s: the name %q says nothing", p, name)
		}
	}
}
