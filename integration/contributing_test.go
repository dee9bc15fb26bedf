package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestContributing follows CONTRIBUTING.md to the letter: its code blocks go into
// a scratch copy of the tree, the module is listed, and its cases run.
func TestContributing(t *testing.T) {
	guide, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	tree := t.TempDir()
	copyTree(t, tree)
	blocks := regexp.MustCompile("(?s)\n`(modules/[^`]+)`\n```[a-z]*\n(.*?)```\n").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) < 3 {
		t.Fatalf("CONTRIBUTING.md: %d named code blocks, at least 3 were expected", len(blocks))
	}
	for _, b := range blocks {
		write(t, filepath.Join(tree, b[1]), b[2])
	}
	list := filepath.Join(tree, "modules/all/all.go")
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(string(text), "\"muster/modules/user\"", "\"muster/modules/timezone\"\n\t\"muster/modules/user\"", 1)
	with = strings.Replace(with, "user.Module,", "user.Module,\n\t\ttimezone.Module,", 1)
	write(t, list, with)

	cmd := exec.Command("go", "test", "./modules/timezone", "./modules/all")
	cmd.Dir = tree
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// copyTree copies what the module's tests need of the tree.
func copyTree(t *testing.T, to string) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum", "modules", "transport", "playbooks", "inventory"} {
		if out, err := exec.Command("cp", "-r", filepath.Join("..", name), to).CombinedOutput(); err != nil {
			t.Fatalf("copy %s: %v: %s", name, err, out)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
