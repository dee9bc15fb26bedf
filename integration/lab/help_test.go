package lab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
)

// testTime bounds one test on nodes, the first build of the image included.
const testTime = 5 * time.Minute

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	t.Cleanup(cancel)
	return ctx
}

// needDocker ends the test without Docker: failed, or skipped where that was asked for.
func needDocker(t *testing.T) {
	t.Helper()
	if os.Getenv("MUSTER_NO_DOCKER") == "1" {
		t.Skip("MUSTER_NO_DOCKER=1: container nodes left out")
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		t.Fatalf("these tests run on container nodes: docker info: %v\n%s", err, out)
	}
}

// labName is unique to a test process, so that several runs do not meet.
func labName(short string) string { return fmt.Sprintf("t%d-%s", os.Getpid(), short) }

// upLab makes a lab in a folder of the test's own and removes it at its end.
func upLab(ctx context.Context, t *testing.T, name string, nodes ...string) *lab.Lab {
	t.Helper()
	needDocker(t)
	specs, err := lab.ParseNodes(nodes)
	if err != nil {
		t.Fatal(err)
	}
	say := func(line string) { t.Log(line) }
	dir := t.TempDir()
	down := func() error { return lab.Down(context.Background(), name, dir, say) }
	made, err := lab.Up(ctx, lab.Options{Name: name, Nodes: specs, Dir: dir, Log: say})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := down(); err != nil {
			t.Error(err)
		}
	})
	return made
}

// ssh runs a command on a node with the system's own client and the lab's files.
func ssh(t *testing.T, l *lab.Lab, user string, address string, command string) string {
	t.Helper()
	cmd := exec.Command("ssh", "-o", "UserKnownHostsFile="+filepath.Join(l.Dir, lab.FileKnownHosts),
		"-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "GlobalKnownHostsFile=/dev/null",
		"-i", filepath.Join(l.Dir, lab.FileKey), user+"@"+address, command)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ssh %s@%s %s: %v\n%s", user, address, command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// leftovers is what Docker still has of a lab.
func leftovers(t *testing.T, name string) string {
	t.Helper()
	found := []string{}
	for _, list := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}} {
		out, err := exec.Command("docker", append(list, "--filter", "label=muster.lab="+name)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, strings.Fields(string(out))...)
	}
	return strings.Join(found, " ")
}

// ignoreExit drops the exit status of a process that was killed on purpose.
func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}
