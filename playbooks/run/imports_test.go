package run

import (
	"os/exec"
	"strings"
	"testing"
)

// What walks a program knows nothing of the language it was written in, nor of
// SSH.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "muster/playbooks/run", "muster/playbooks/graph", "muster/playbooks/event", "muster/playbooks/program").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		for _, banned := range []string{"hashicorp/hcl", "zclconf/go-cty", "x/crypto/ssh", "pkg/sftp", "muster/playbooks/library"} {
			if strings.Contains(pkg, banned) {
				t.Errorf("%s is linked", pkg)
			}
		}
		if pkg == "muster/inventory" || pkg == "muster/playbooks" || pkg == "muster/transport" {
			t.Errorf("%s is imported", pkg)
		}
	}
}
