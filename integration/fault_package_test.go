package integration

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"muster/playbooks/event"
)

// fcntlLock holds dpkg's lock as apt does (a lock of flock(1) would stop nobody), says
// so, and lets go at the end of its input. struct flock is that of 64-bit Linux.
const fcntlLock = `use Fcntl qw(:DEFAULT :flock); open(F, "+<", "/var/lib/dpkg/lock-frontend") or die $!;
	$l = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die $!; $| = 1; print "held $$\n"; <STDIN>;`

// holdLock takes dpkg's lock in a node; release gives it back.
func (s *site) holdLock(t *testing.T, node string) (pid string, release func()) {
	t.Helper()
	cmd := exec.Command("docker", "exec", "-i", "muster-"+s.Name+"-"+node, "perl", "-e", fcntlLock)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := false
	release = func() {
		if over {
			return
		}
		over = true
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the holder of the lock: %v %s", err, out.String())
		}
	}
	t.Cleanup(release)
	eventually(t, "the lock is held", 20*time.Second, func() bool { return strings.Contains(out.String(), "held ") })
	return strings.TrimSpace(strings.TrimPrefix(out.String(), "held ")), release
}

// packageLock: who holds dpkg's lock is named; it is waited for as long as the step
// may take, on that node alone; let go in time, the step goes on.
func packageLock(t *testing.T, s *site) {
	// The others have it already: their installation is not under the short limit.
	s.write(t, "before.hcl", "step \"package\" \"work\" {\n on = \"all\"\n names = [\"tree\"]\n}\n")
	s.apply(t, 0, "-l", "node[02-04]", "before.hcl")
	s.run(t, "plan", "before.hcl").want(t, 0) // and node01 has fresh package lists
	pid, release := s.holdLock(t, "node01")
	s.faulty(t, "package", "names = [\"tree\"]\n  timeout = \"10s\"")
	start := time.Now()
	r := s.apply(t, 3, "play.hcl")
	if took := time.Since(start); took > 60*time.Second {
		t.Errorf("a step with a limit of 10 s took %s", took)
	}
	s.hits(t, r, hit{"node01", 3, event.Failed, []string{"package lock", "held by perl (process " + pid + ")", "unattended-upgrades", "`timeout` 10s"}})
	release()
	s.apply(t, 0, "before.hcl")
	s.mended(t, r)

	pid, release = s.holdLock(t, "node01")
	s.write(t, "away.hcl", "step \"package\" \"work\" {\n on = \"node01\"\n names = [\"tree\"]\n state = \"absent\"\n timeout = \"60s\"\n}\n")
	p := s.start(t, "apply", "--yes", "--json", "away.hcl")
	p.until(t, "the wait is told", func(e event.Event) bool {
		return e.Kind == event.StepOutput && strings.Contains(e.Text, "waiting for the package lock, held by perl (process "+pid+")")
	})
	release()
	p.wait(t, time.Minute).want(t, 0)
	if has(t, s.Lab, "node01", "/usr/bin/tree") {
		t.Error("the package is still there")
	}
}

// mirror: a package source that does not answer fails that node in the plan already.
func mirror(t *testing.T, s *site) {
	s.undo(t, "node01", "[ ! -d /root/fault.apt ] || { rm -rf /etc/apt && mv /root/fault.apt /etc/apt; }")
	on(t, s.Lab, "node01", "cp -a /etc/apt /root/fault.apt; rm -rf /etc/apt/sources.list.d/* /var/lib/muster/apt; echo 'deb http://127.0.0.1:9/debian trixie main' >/etc/apt/sources.list")
	everywhere(t, s.Lab, "dpkg --purge tree 2>/dev/null; true")
	s.faulty(t, "package", "names = [\"tree\"]")
	r := s.hits(t, s.apply(t, 3, "play.hcl"), hit{"node01", 3, event.Failed, []string{"package: lists: ", "127.0.0.1", "can the node reach its package sources?"}})
	on(t, s.Lab, "node01", "rm -rf /etc/apt && mv /root/fault.apt /etc/apt")
	s.mended(t, r)
}
