package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/integration/lab"
)

// dockerList names what Docker keeps of a lab: containers, networks and volumes.
func dockerList(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for _, args := range [][]string{{"ps", "-a", "--format", "{{.Names}}"}, {"network", "ls", "--format", "{{.Name}}"}, {"volume", "ls", "-q"}} {
		text, err := exec.Command("docker", append(args, "--filter", "label=muster.lab="+name)...).Output()
		if err != nil {
			t.Fatalf("docker %v: %v", args, err)
		}
		out = append(out, strings.Fields(string(text))...)
	}
	return out
}

// labUp starts `muster lab up` in dir and removes the lab at the end of the test.
func labUp(t *testing.T, dir, name string, nodes ...string) *process {
	t.Helper()
	args := []string{"lab", "up", "--name", name, "--dir", filepath.Join(dir, name)}
	for _, n := range nodes {
		args = append(args, "--node", n)
	}
	// The lab keeps its cache and its locks in the home folder of its user.
	p := start(t, dir, "", []string{"HOME=" + os.Getenv("HOME")}, args...)
	t.Cleanup(func() {
		if err := lab.Down(context.Background(), name, filepath.Join(dir, name), nil); err != nil {
			t.Errorf("lab down: %v", err)
		}
	})
	return p
}

// TestTwoLabs has two labs with nodes of the same names side by side, applies to both
// at once, and removes one.
func TestTwoLabs(t *testing.T) {
	needDocker(t)
	dir, names := t.TempDir(), []string{labName(t, "left"), labName(t, "right")}
	ups := []*process{labUp(t, dir, names[0], "node01"), labUp(t, dir, names[1], "node01")}
	for _, p := range ups {
		p.wait(t, 2*time.Minute).want(t, 0)
	}
	write(t, filepath.Join(dir, "play.hcl"), `
step "file" "which" {
  on      = "all"
  path    = "/root/which"
  content = var.lab
}
variable "lab" { type = string }
`)
	inventory := func(name string) string { return filepath.Join(dir, name, lab.FileInventory) }
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			p := start(t, dir, "", nil, "apply", "--yes", "-i", inventory(name), "-e", "lab="+name, "play.hcl")
			if r := p.wait(t, time.Minute); r.exit != 0 {
				t.Errorf("%s: exit %d\n%s%s", name, r.exit, r.stdout, r.stderr)
			}
		})
	}
	wg.Wait()
	for _, name := range names {
		l, err := lab.Open(t.Context(), name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := on(t, l, "node01", "cat /root/which"); got != name {
			t.Errorf("node01 of %s holds %q", name, got)
		}
	}
	start(t, dir, "", []string{"HOME=" + os.Getenv("HOME")}, "lab", "down", "--name", names[0]).wait(t, time.Minute).want(t, 0)
	if left := dockerList(t, names[0]); len(left) > 0 {
		t.Errorf("after `lab down` there is still %v", left)
	}
	if _, err := os.Stat(filepath.Join(dir, names[0])); err == nil {
		t.Error("the folder of the lab is still there")
	}
	muster(t, dir, "ping", "-i", inventory(names[1])).want(t, 0).says(t, "node01  ok")
}

// TestLabUpInterrupted stops `lab up` while its nodes boot: nothing is left.
func TestLabUpInterrupted(t *testing.T) {
	needDocker(t)
	for _, at := range []string{"-node01", ""} { // a container is there; the network is there
		dir, name := t.TempDir(), labName(t, "cut"+strings.Trim(at, "-"))
		p := labUp(t, dir, name, "node[01-03]")
		eventually(t, "the lab begins", time.Minute, func() bool {
			for _, made := range dockerList(t, name) {
				if made == "muster-"+name+at {
					return true
				}
			}
			return false
		})
		p.signal(t, syscall.SIGINT)
		p.wait(t, time.Minute).want(t, 130)
		if left := dockerList(t, name); len(left) > 0 {
			t.Errorf("interrupted at %q: there is still %v", at, left)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, name, "*")); len(files) > 0 {
			t.Errorf("interrupted at %q: files are left: %v", at, files)
		}
		if out := muster(t, dir, "lab", "status", "--name", name); out.exit == 0 {
			t.Errorf("a lab that was interrupted has a status:\n%s", out.stdout)
		}
	}
}
