// Package integration proves muster on container nodes that run the real
// software. Every test uses the built binary as a user does.
package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
	"muster/playbooks/event"
)

var update = flag.Bool("update", false, "write golden files")

// binary is the muster under test, built by TestMain.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	root, err := filepath.Abs("..")
	if err == nil {
		build := exec.Command("make", "-s", "-C", root, "build")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration: make build:", err)
		os.Exit(1)
	}
	binary = filepath.Join(root, "bin", "muster")
	os.Exit(m.Run())
}

// needDocker fails where there is no Docker, unless the caller asked to do
// without: a run that proves less has to say so.
func needDocker(t *testing.T) {
	t.Helper()
	if os.Getenv("MUSTER_NO_DOCKER") == "1" {
		t.Skip("MUSTER_NO_DOCKER=1: container nodes left out")
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		t.Fatalf("these tests run on container nodes: docker info: %v\n%s", err, out)
	}
}

// long marks a test that `make test` leaves to `make test-long`, so that the first
// stays under 15 minutes on two cores.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("long: make test-long runs it")
	}
}

// labName is unique to a test process, so that several runs do not meet.
func labName(t *testing.T, short string) string {
	t.Helper()
	return fmt.Sprintf("t%d-%s", os.Getpid(), short)
}

// up starts a lab and removes it when the test ends.
func up(t *testing.T, short string, nodes ...string) *lab.Lab {
	t.Helper()
	needDocker(t)
	specs, err := lab.ParseNodes(nodes)
	if err != nil {
		t.Fatal(err)
	}
	name := labName(t, short)
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := lab.Down(context.Background(), name, dir, nil); err != nil {
			t.Errorf("lab down: %v", err)
		}
	})
	l, err := lab.Up(t.Context(), lab.Options{Name: name, Nodes: specs, Dir: dir, Log: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// result is one run of the binary.
type result struct {
	exit   int
	stdout string
	stderr string
	events []event.Event
}

// muster runs the binary in dir and collects what it printed; with --json also
// the events.
func muster(t *testing.T, dir string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	// Keys, identities and journals of a test stay in its own folder.
	cmd.Env = append(os.Environ(), "HOME="+dir, "NO_COLOR=1")
	var out, errb bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errb
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatalf("muster %v: %v", args, err)
	}
	r := result{exit: cmd.ProcessState.ExitCode(), stdout: out.String(), stderr: errb.String()}
	r.events = readEvents(r.stdout)
	return r
}

func readEvents(text string) []event.Event {
	var out []event.Event
	s := bufio.NewScanner(strings.NewReader(text))
	s.Buffer(nil, 64<<20)
	for s.Scan() {
		var e event.Event
		if json.Unmarshal(s.Bytes(), &e) == nil && e.Kind != "" {
			out = append(out, e)
		}
	}
	return out
}

// want fails the test unless the run ended with the exit code.
func (r result) want(t *testing.T, exit int) result {
	t.Helper()
	if r.exit != exit {
		t.Fatalf("exit %d, want %d\n%s\n%s", r.exit, exit, tail(r.stdout, 6000), tail(r.stderr, 6000))
	}
	return r
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// summary is the last event of a run with --json.
func (r result) summary(t *testing.T) event.Summary {
	t.Helper()
	if len(r.events) == 0 || r.events[len(r.events)-1].Summary == nil {
		t.Fatalf("no summary as the last event:\n%s\n%s", tail(r.stdout, 3000), tail(r.stderr, 3000))
	}
	return *r.events[len(r.events)-1].Summary
}

// on runs a shell command in a node and fails the test if it fails.
func on(t *testing.T, l *lab.Lab, node, script string) string {
	t.Helper()
	out, err := l.Exec(t.Context(), node, "sh", "-c", script)
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s", node, script, err, out)
	}
	return strings.TrimSpace(out)
}

// eventually polls until f is true.
func eventually(t *testing.T, what string, limit time.Duration, f func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("%s: not within %s", what, limit)
}
