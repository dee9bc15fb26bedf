package workload

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"muster/inventory"
	"muster/inventory/lang"
	"muster/modules/all"
	"muster/playbooks"
)

// kinds counts what an expression with one group finds in a text.
func kinds(text, expression string) map[string]int {
	out := map[string]int{}
	for _, found := range regexp.MustCompile(`(?m)`+expression).FindAllStringSubmatch(text, -1) {
		out[found[1]]++
	}
	return out
}

// TestTextsAgree counts the steps of each kind: a comparison of times compares
// the same work only where the three texts have the same.
func TestTextsAgree(t *testing.T) {
	hcl := kinds(HCL("all"), `^step "(\w+)"`)
	ansible := kinds(Ansible(), `^    - ansible\.builtin\.(\w+):$`)
	shell := kinds(Shell(), `^(directory|file|line|login|package|service) `)
	rows := []struct {
		hcl, ansible string
		want         int
	}{
		{"directory", "file", 10},
		{"file", "copy", 15},
		{"line", "lineinfile", 10},
		{"template", "template", 5},
		{"user", "user", 5},
		{"package", "apt", 3},
		{"service", "service", 2},
	}
	total := 0
	for _, r := range rows {
		total += r.want
		if hcl[r.hcl] != r.want || ansible[r.ansible] != r.want {
			t.Errorf("%s: %d steps of muster, %d tasks of Ansible, want %d", r.hcl, hcl[r.hcl], ansible[r.ansible], r.want)
		}
	}
	for name, want := range map[string]int{"directory": 10, "file": 20, "line": 10, "login": 5, "package": 3, "service": 2} {
		if shell[name] != want {
			t.Errorf("the script has %d of %s, want %d", shell[name], name, want)
		}
	}
	if total != Steps {
		t.Errorf("%d steps, and the package says %d", total, Steps)
	}
	if got := len(AnsibleTemplates()); got != 5 {
		t.Errorf("%d templates of Ansible, want 5", got)
	}
}

// TestTextsParse compiles the playbook for two hosts and has sh read the scripts.
func TestTextsParse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.hcl")
	hosts := "cluster \"c\" {}\nhosts \"node[1-2]\" {\n  address = \"192.0.2.[1-2]\"\n}\n"
	if err := os.WriteFile(path, []byte(hosts), 0o644); err != nil {
		t.Fatal(err)
	}
	inv, diags := inventory.Load(path, inventory.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	src, diags := lang.ParseBytes("workload.hcl", []byte(HCL("all")))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	program, diags := playbooks.Compile(inv, src, playbooks.Options{Modules: all.Modules()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	if got := len(program.Vertices); got != 2*Steps {
		t.Errorf("%d vertices on two hosts, want %d", got, 2*Steps)
	}
	for name, script := range map[string]string{"shell": Shell(), "reset": Reset(), "look": Look(true), "cached": Cached()} {
		cmd := exec.Command("sh", "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
