package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/playbooks/event"
)

// The fault tests. In each, one node of four has the fault and the others do all
// their steps; the budget of what waits for all nodes is kept; the fault has a
// message of its own and a hint; nothing is half written; and when it is mended,
// resume completes the run.
//
//	fault                             told as      exit  test
//	paused or cut off for 10 s        (goes on)    0     TestFaultLine/ForAWhile
//	paused or cut off for good        unreachable  4     TestFaultLine/ForGood
//	frozen before it is dialled       unreachable  4     TestFaultLine/ForGood
//	sshd restarted in the middle      (goes on)    0     TestFaults/SshdRestarted
//	sshd killed with its sessions     lost, back   0     TestStop/DeadConnection
//	disk full, file system read-only  failed       3     TestFaults/DiskFull, ReadOnly
//	muster's own folder: full,        unreachable  4     TestFaults/OwnFolder
//	  read-only, noexec; home full
//	dpkg lock held                    failed       3     TestFaults/PackageLock
//	200 nodes, one jump host          (goes on)    0     TestFaultJump
//	sshd's penalty for failed logins  unreachable  4     TestFaults/Penalised
//	no such name, nothing listens     unreachable  4     TestFaults/NotThere
//	package source gone               failed       3     TestFaults/Mirror
//	wrong key                         unreachable  4     TestFaults/WrongKey
//	host key unknown, changed         unreachable  4     TestFaults/HostKey
//	sudo: password wrong, not         unreachable  4     TestFaults/Sudo
//	  allowed, requiretty
//	login noise, exit in .bashrc      unreachable  4     TestFaults/NoisyLogin
//	two operators                     locked       6     TestFaults/Operators
//	MaxSessions 1, noise, noexec /tmp (goes on)    0     TestFaults/NoisyLogin
//	controller's disk full            (stopped)    9     TestFaultController/DiskFull
//	controller out of open files      (refused)    7     TestFaultController/OpenFiles

// hit is how a run is to end for the node that a fault hits.
type hit struct {
	node  string
	exit  int
	state event.State // event.Failed or event.Unreachable
	says  []string    // in what is told of the node: cause and hint
}

// faulty makes the site's playbook: the step KIND[work], which the fault hits; a step
// behind it that one node may miss; and what waits for each of the two everywhere.
func (s *site) faulty(t *testing.T, kind, body string) {
	t.Helper()
	s.write(t, "play.hcl", fmt.Sprintf(`
step %[1]q "work" {
  on = "all"
  %[2]s
}
step "file" "more" {
  on       = "all"
  after    = [step.%[1]s.work]
  max_fail = 1
  path     = "/root/fault.more"
  content  = "done\n"
}
step "file" "held" {
  on        = "node04"
  after_all = [step.%[1]s.work]
  path      = "/root/fault.held"
  content   = "done\n"
}
step "file" "goes" {
  on        = "node04"
  after_all = [step.file.more]
  path      = "/root/fault.goes"
  content   = "done\n"
}`, kind, body))
}

// forgetFaults takes away what faulty leaves.
const forgetFaults = "rm -rf /root/fault.*"

// hits fails unless the run has ended as h says, and well for all other nodes.
func (s *site) hits(t *testing.T, r result, h hit) result {
	t.Helper()
	r.want(t, h.exit)
	ended, work := r.ended(), ""
	for v := range ended {
		if step, _, _ := strings.Cut(v, "@"); strings.HasSuffix(step, "[work]") {
			work = step
		}
	}
	for _, n := range s.Nodes {
		for _, step := range []string{work, "file[more]"} {
			if got := ended[step+"@"+n.Name]; n.Name != h.node && got != event.Changed && got != event.OK {
				t.Errorf("%s@%s is %q: the fault of %s has reached it", step, n.Name, got, h.node)
			}
		}
		if has(t, s.Lab, n.Name, "/root/fault.more") == (n.Name == h.node) {
			t.Errorf("%s: the step behind the fault is wrong", n.Name)
		}
	}
	if ended["file[held]@node04"] != event.Held || has(t, s.Lab, "node04", "/root/fault.held") {
		t.Errorf("what waits for the step everywhere was not held: %q", ended["file[held]@node04"])
	}
	if ended["file[goes]@node04"] != event.Changed {
		t.Errorf("what one node may miss was held: %q", ended["file[goes]@node04"])
	}
	sum := r.summary(t)
	if (h.state == event.Unreachable) != (fmt.Sprint(sum.Unreachable) == "["+h.node+"]") || (h.state == event.Failed) != (sum.Failed == 1) || sum.Resume == "" {
		t.Errorf("%s is to be %s; the summary: %+v", h.node, h.state, sum)
	}
	r.tells(t, h.node, h.says...)
	return r
}

// tells fails unless all texts are in what the run has told of the node: why it was
// left out, or why a step failed, and the hint.
func (r result) tells(t *testing.T, node string, texts ...string) {
	t.Helper()
	var told strings.Builder
	for _, e := range r.events {
		switch {
		case e.Host != node:
		case e.Failure != nil:
			fmt.Fprintf(&told, "%s: %s\nhint: %s\n", e.Failure.Object, e.Failure.Cause, e.Failure.Hint)
		case e.Kind == event.NodeState && e.Text != "":
			fmt.Fprintln(&told, e.Text)
		}
	}
	for _, text := range texts {
		if !strings.Contains(told.String(), text) {
			t.Errorf("%s: %q was not told:\n%s", node, text, told.String())
		}
	}
}

// mended fails unless resume completes the run of r and a further apply finds nothing
// to do.
func (s *site) mended(t *testing.T, r result) {
	t.Helper()
	words := strings.Fields(strings.TrimPrefix(r.summary(t).Resume, "muster "))
	s.run(t, append(words, "--yes", "--json")...).want(t, 0)
	if !has(t, s.Lab, "node04", "/root/fault.held") {
		t.Error("after the resume, what was held is not done")
	}
	if sum := s.apply(t, 0, "play.hcl").summary(t); sum.Changes != 0 {
		t.Errorf("after the resume, an apply has %d changes", sum.Changes)
	}
}

// mendedBySame is mended where the run was started with flags that resume has to be
// given anew: the same apply does the rest.
func (s *site) mendedBySame(t *testing.T, args ...string) {
	t.Helper()
	s.apply(t, 0, append(args, "play.hcl")...)
	if !has(t, s.Lab, "node04", "/root/fault.held") {
		t.Error("after the same apply, what was held is not done")
	}
}

// TestFaults are the faults that are told at once.
func TestFaults(t *testing.T) {
	l := up(t, "faults", "node[01-04]")
	for _, c := range []struct {
		name string
		f    func(*testing.T, *site)
	}{
		{"DiskFull", diskFull}, {"ReadOnly", readOnly}, {"OwnFolder", ownFolder},
		{"PackageLock", packageLock}, {"Mirror", mirror}, {"SshdRestarted", sshdRestarted}, {"NotThere", notThere},
		{"WrongKey", wrongKey}, {"HostKey", hostKey}, {"Sudo", sudoFaults}, {"NoisyLogin", noisyLogin},
		{"Penalised", penalised},
		{"Operators", operators},
	} {
		t.Run(c.name, func(t *testing.T) {
			everywhere(t, l, forgetFaults+" "+"/root/slow.*")
			start := time.Now()
			c.f(t, newSite(t, l))
			t.Logf("took %s", time.Since(start).Round(100*time.Millisecond))
		})
	}
}

// makes waits until a run has made a file on a node.
func (p *process) makes(t *testing.T, s *site, node, path string) {
	t.Helper()
	eventually(t, node+" has "+path, 60*time.Second, func() bool {
		select {
		case <-p.done:
			t.Fatalf("muster ended before %s had %s:\n%s\n%s", node, path, tail(p.out.String(), 3000), tail(p.err.String(), 3000))
		default:
		}
		return has(t, s.Lab, node, path)
	})
}

// undo runs a shell command in a node when the test ends, whatever became of it, so
// that one fault does not become another test's.
func (s *site) undo(t *testing.T, node, script string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if out, err := s.Exec(ctx, node, "sh", "-c", script); err != nil {
			t.Errorf("%s: undo %s: %v %s", node, script, err, out)
		}
	})
}
