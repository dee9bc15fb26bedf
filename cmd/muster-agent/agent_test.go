package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxSize is what an agent may weigh, in bytes: it is sent to every new node.
const maxSize = 8_000_000

// TestLinks: nothing of the languages and of SSH reaches a node.
func TestLinks(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "muster/transport/agent\n") {
		t.Fatalf("not the agent's dependencies:\n%s", out)
	}
	for pkg := range strings.Lines(string(out)) {
		pkg = strings.TrimSpace(pkg)
		for _, bad := range []string{"github.com/hashicorp/", "github.com/zclconf/", "golang.org/x/crypto/ssh", "github.com/pkg/sftp", "net/http"} {
			if pkg == bad || strings.HasPrefix(pkg, bad) {
				t.Errorf("the agent links %s", pkg)
			}
		}
		switch own, ok := strings.CutPrefix(pkg, "muster/"); {
		case !ok, strings.HasPrefix(own, "modules"), own == "transport/agent", own == "transport/wire", own == "cmd/muster-agent":
		case own == "inventory/hostlist": // folds host names, and imports nothing of ours
		default:
			t.Errorf("the agent links %s", pkg)
		}
	}
}

func TestSize(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		file := filepath.Join(t.TempDir(), arch)
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", arch, err, out)
		}
		i, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", arch, i.Size())
		if i.Size() > maxSize {
			t.Errorf("%s: %d bytes, at most %d are allowed", arch, i.Size(), maxSize)
		}
	}
}

func TestRun(t *testing.T) {
	for args, want := range map[string]int{"": 2, "help": 2, "version": 0, "version now": 2, "serve": 1, "serve --mode plan x": 1} {
		var out, errs bytes.Buffer
		if got := run(strings.Fields(args), &out, &errs); got != want {
			t.Errorf("%q: exit %d, want %d: %s", args, got, want, errs.String())
		}
		if want == 0 && !strings.Contains(out.String(), "digest ") {
			t.Errorf("%q: %q", args, out.String())
		}
	}
}
