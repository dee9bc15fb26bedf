package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinuxOnNode runs the tests of the Linux machine that change the machine they
// run on, in a fresh node.
func TestLinuxOnNode(t *testing.T) {
	long(t)
	l := up(t, "linux", "node01")
	tests := filepath.Join(t.TempDir(), "linux.test")
	build := exec.Command("go", "test", "-c", "-o", tests, "muster/modules/machine/linux")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	file, err := os.Open(tests)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out bytes.Buffer
	err = l.ExecIO(t.Context(), "node01", file, &out, "sh", "-c",
		"cat >/usr/local/bin/linux.test && chmod 0755 /usr/local/bin/linux.test && cd /root && MUSTER_ON_NODE=1 linux.test -test.run '^TestNode' -test.v 2>&1")
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if n := strings.Count(out.String(), "--- PASS: TestNode"); n < 10 || strings.Contains(out.String(), "--- SKIP") {
		t.Fatalf("%d tests passed on the node:\n%s", n, tail(out.String(), 6000))
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "--- ") {
			t.Log(strings.TrimSpace(line))
		}
	}
}
