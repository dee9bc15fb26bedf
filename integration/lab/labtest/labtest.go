// Package labtest gives tests their labs.
package labtest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"muster/integration/lab"
)

// NoDocker is the environment variable that lets the tests pass without Docker; they
// then say that they were skipped.
const NoDocker = "MUSTER_NO_DOCKER"

// downTime bounds the removal of a test's lab.
const downTime = 2 * time.Minute

// NeedDocker ends the test without Docker: failed, or skipped where NoDocker is set.
func NeedDocker(t testing.TB) {
	t.Helper()
	out, err := exec.Command("docker", "info", "--format", "{{.ServerVersion}}").CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv(NoDocker) != "" {
		t.Skipf("skipped: this test needs Docker, and %s is set", NoDocker)
	}
	t.Fatalf("this test needs Docker (set %s=1 to skip such tests): %v: %s", NoDocker, err, out)
}

// Up makes a lab in a folder of the test's own and removes it at its end. The
// name must differ from those of tests that run beside it.
func Up(t testing.TB, name string, nodes ...string) *lab.Lab {
	t.Helper()
	NeedDocker(t)
	specs, err := lab.ParseNodes(nodes)
	if err != nil {
		t.Fatal(err)
	}
	say := func(line string) { t.Log(line) }
	dir := t.TempDir()
	ctx := context.Background()
	if err := down(name, dir, say); err != nil { // what a killed test run left
		t.Fatal(err)
	}
	made, err := lab.Up(ctx, lab.Options{Name: name, Nodes: specs, Dir: dir, Log: say})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := down(name, dir, say); err != nil {
			t.Error(err)
		}
	})
	return made
}

func down(name, dir string, say func(string)) error {
	ctx, cancel := context.WithTimeout(context.Background(), downTime)
	defer cancel()
	return lab.Down(ctx, name, dir, say)
}
