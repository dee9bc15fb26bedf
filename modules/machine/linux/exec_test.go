package linux

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

func TestExec(t *testing.T) {
	s := testStore(t)
	var said strings.Builder
	ctx := WithVertex(t.Context(), Vertex{Run: "r", Output: func(text string) { said.WriteString(text) }})
	t.Setenv("SECRET", "x")
	res, err := s.Exec(ctx, machine.Run{Argv: []string{"sh", "-c", "cat; env; echo bad >&2; exit 3"}, Env: []string{"A=b"}, Stdin: []byte("in ")}, false)
	if err != nil || res.Exit != 3 || res.Stderr != "bad\n" || !strings.HasPrefix(res.Stdout, "in ") || !strings.Contains(res.Stdout, "A=b\n") {
		t.Errorf("%+v %v", res, err)
	}
	if strings.Contains(res.Stdout, "SECRET") || !strings.Contains(said.String(), "bad") {
		t.Errorf("environment or output: %q, said %q", res.Stdout, said.String())
	}
	_, err = s.Exec(ctx, machine.Run{Argv: []string{"no-such-program"}}, true)
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("missing program: %v", err)
	}
	res, err = s.Exec(ctx, machine.Run{Argv: []string{"sh", "-c", "kill -9 $$"}}, true)
	if err != nil || res.Exit != 137 || !strings.Contains(res.Stderr, "killed by signal 9") {
		t.Errorf("killed: %+v %v", res, err)
	}
}

func TestExecOutput(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	res, err := s.Exec(ctx, machine.Run{Argv: []string{"sh", "-c", "yes | head -c 200000; echo end"}}, false)
	if err != nil || !strings.HasSuffix(res.Stdout, "y\nend\n") || !strings.HasPrefix(res.Stdout, "(134468 bytes left out)\n") {
		t.Errorf("tail: %d bytes, %q…, %v", len(res.Stdout), res.Stdout[:40], err)
	}
	res, err = s.Exec(ctx, machine.Run{Argv: []string{"sh", "-c", "yes | head -c 200000"}}, true)
	if err != nil || len(res.Stdout) != 200000 {
		t.Errorf("answer: %d bytes, %v", len(res.Stdout), err)
	}
	if _, err = s.Exec(ctx, machine.Run{Argv: []string{"sh", "-c", "yes | head -c 5000000"}}, true); err == nil {
		t.Error("an answer that lost its beginning is taken")
	}
}

func TestExecTimeout(t *testing.T) {
	s := testStore(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	start := time.Now()
	_, err := s.Exec(t.Context(), machine.Run{Timeout: 300 * time.Millisecond,
		Argv: []string{"sh", "-c", "sh -c 'trap \"\" TERM; echo $$ >" + pidFile + "; sleep 60 >/dev/null 2>&1' >/dev/null 2>&1 & wait"}}, false)
	if err == nil || !strings.Contains(err.Error(), "no end after 300ms") || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	text, err := os.ReadFile(pidFile)
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	if !poll(t.Context(), 5*time.Second, func() bool { return dead(pid) }) {
		t.Errorf("process %d has outlived its group", pid)
	}
}

// dead counts a process that waits to be buried as well.
func dead(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(text), ") Z ")
}

// TestJobDetached runs jobs as on a node without systemd.
func TestJobDetached(t *testing.T) {
	if booted() {
		t.Skip("this node has systemd: the node tests run jobs in its units")
	}
	s := testStore(t)
	ctx := WithVertex(t.Context(), Vertex{Run: "r"})
	res, err := s.Exec(ctx, machine.Run{Long: true, Argv: []string{"sh", "-c", `cat; echo "$1"; exit 4`, "sh", "a b"}, Stdin: []byte("in ")}, false)
	if err != nil || res.Exit != 4 || res.Stdout != "in a b\n" {
		t.Errorf("%+v %v", res, err)
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	mark := filepath.Join(t.TempDir(), "mark")
	if _, err := s.Exec(short, machine.Run{Long: true, Argv: []string{"sh", "-c", "sleep 0.5; echo >" + mark}}, false); err == nil {
		t.Error("the job did not outlive its agent")
	}
	if !poll(ctx, 5*time.Second, func() bool { _, err := os.Stat(mark); return err == nil }) {
		t.Error("the job died with its agent")
	}
	noInput := func() bool {
		left, _ := filepath.Glob(filepath.Join(s.dir, "runs/r/jobs/*.in"))
		return len(left) == 0
	}
	if !poll(ctx, 5*time.Second, noInput) {
		t.Error("the input is still on the disk")
	}
}

func TestJobEnd(t *testing.T) {
	for text, want := range map[string]struct {
		exit int
		err  string
	}{
		"success exited 0\n":   {0, ""},
		"exit-code exited 3\n": {3, ""},
		"signal killed KILL\n": {137, ""},
		"oom-kill killed KILL": {137, ""},
		"timeout killed TERM":  {0, "no end after 1s"},
		"garbage":              {0, "no status"},
	} {
		res, err := jobEnd(machine.Result{}, text, time.Second)
		if (err == nil) != (want.err == "") || (err != nil && !strings.Contains(err.Error(), want.err)) || res.Exit != want.exit {
			t.Errorf("%q: %+v %v", text, res, err)
		}
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	take := func(exclusive bool, mode string) (func(), *Holder) {
		t.Helper()
		release, held, err := Lock(dir, exclusive, Holder{Run: "r1", Who: "alice", Mode: mode})
		must(t, err)
		return release, held
	}
	plan, held := take(false, "plan")
	if plan == nil || held != nil {
		t.Fatalf("free lock: %v", held)
	}
	if release, held := take(false, "plan"); release == nil {
		t.Errorf("a second plan: held by %v", held)
	} else {
		release()
	}
	if release, held := take(true, "apply"); release != nil || held == nil {
		t.Errorf("an apply beside a plan: %v", held)
	}
	plan()
	apply, held := take(true, "apply")
	if apply == nil {
		t.Fatalf("released lock: held by %v", held)
	}
	if _, held := take(false, "plan"); held == nil || held.Who != "alice" || held.Mode != "apply" || held.PID != os.Getpid() {
		t.Errorf("a plan beside an apply: %+v", held)
	}
	apply()
}

func TestLockHolder(t *testing.T) {
	s := testStore(t)
	must(t, os.WriteFile(s.in("/var/lib/dpkg/lock-frontend"), nil, 0o644))
	if who, err := s.lockHolder(); who != "" || err != nil {
		t.Errorf("nobody: %q %v", who, err)
	}
	// The kernel does not tell a process of its own locks, so another one is asked.
	cmd := exec.Command(os.Args[0], "-test.run=TestHoldLock$")
	cmd.Env = append(os.Environ(), "MUSTER_HOLD_LOCK="+s.in("/var/lib/dpkg/lock-frontend"))
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	var who string
	poll(t.Context(), 10*time.Second, func() bool { who, _ = s.lockHolder(); return who != "" })
	must(t, in.Close())
	must(t, cmd.Wait())
	if !strings.HasSuffix(who, "(process "+strconv.Itoa(cmd.Process.Pid)+")") {
		t.Errorf("holder: %q", who)
	}
}

// TestHoldLock is the other process of TestLockHolder: it holds a lock until its
// input ends.
func TestHoldLock(t *testing.T) {
	path := os.Getenv("MUSTER_HOLD_LOCK")
	if path == "" {
		t.Skip("only TestLockHolder starts it")
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	must(t, unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
	_, _ = os.Stdin.Read(make([]byte, 1))
}
