package integration

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/playbooks/event"
)

// TestStop is about runs that are interrupted, killed or cut off in the middle of a
// step that takes seconds.
func TestStop(t *testing.T) {
	l := up(t, "stop", "node[01-02]")
	for name, f := range map[string]func(*testing.T, *site){
		"InterruptOnce": interruptOnce, "InterruptTwice": interruptTwice, "InterruptedPlan": interruptedPlan, "KilledController": killedController,
		"DeadConnection": deadConnection,
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, l, forgetSlow)
			s := newSite(t, l)
			s.write(t, "play.hcl", slow)
			f(t, s)
		})
	}
}

// ranOnce fails unless the slow step was started exactly once and all is done.
func (s *site) ranOnce(t *testing.T) {
	t.Helper()
	if got := on(t, s.Lab, "node01", "cat /root/slow.runs"); got != "run" {
		t.Errorf("the slow step ran: %q", got)
	}
	if got := on(t, s.Lab, "node01", "cat /root/behind"); got != "done" {
		t.Errorf("the step behind the slow one: %q", got)
	}
}

// noAgents waits until no agent lives on any node.
func (s *site) noAgents(t *testing.T, limit time.Duration) {
	t.Helper()
	c := &cluster{Lab: s.Lab}
	eventually(t, "no agent is left", limit, func() bool { return len(agentsOf(t, c)) == 0 })
}

// interruptOnce: what runs ends well, nothing more starts, resume does the rest.
func interruptOnce(t *testing.T, s *site) {
	p := s.start(t, "apply", "--yes", "--json", "play.hcl")
	p.started(t, "command[slow]@node01")
	p.until(t, "node02 is done", func(e event.Event) bool { return e.Kind == event.StepResult && e.Host == "node02" })
	p.signal(t, syscall.SIGINT)
	r := p.wait(t, 30*time.Second).want(t, 130)
	if !has(t, s.Lab, "node01", "/root/slow.done") || has(t, s.Lab, "node01", "/root/behind") {
		t.Error("the running step has to end, and the next one not to start")
	}
	if got := r.ended()["command[slow]@node01"]; got != event.Changed {
		t.Errorf("the running step is told as %q", got)
	}
	sum := r.summary(t)
	if sum.Held != 1 || sum.Resume == "" {
		t.Errorf("summary: %+v", sum)
	}
	s.noAgents(t, 10*time.Second)
	args := append(strings.Fields(strings.TrimPrefix(sum.Resume, "muster ")), "--yes", "--json")
	s.run(t, args...).want(t, 0)
	s.ranOnce(t)
	s.run(t, "resume").want(t, 0).says(t, "was complete")
}

// interruptTwice: muster goes at once; what runs in a unit of its own ends, and the
// node is free for others.
func interruptTwice(t *testing.T, s *site) {
	s.write(t, "play.hcl", slow)
	p := s.start(t, "apply", "--yes", "-e", "seconds=8", "play.hcl")
	eventually(t, "the slow step runs", 30*time.Second, func() bool { return has(t, s.Lab, "node01", "/root/slow.runs") })
	p.signal(t, syscall.SIGINT)
	time.Sleep(300 * time.Millisecond) // two keys, not one
	p.signal(t, syscall.SIGINT)
	r := p.wait(t, 3*time.Second).want(t, 130)
	if has(t, s.Lab, "node01", "/root/slow.done") {
		t.Fatal("the step was over already: nothing was shown")
	}
	resume := resumeOf(t, r)
	s.noAgents(t, 60*time.Second)
	s.run(t, "ping").want(t, 0)
	s.run(t, "plan", "-l", "node02", "play.hcl").want(t, 0) // not locked
	s.run(t, append(resume, "--yes")...).want(t, 0)
	s.ranOnce(t)
}

// interruptedPlan: before the first write an interrupt only ends.
func interruptedPlan(t *testing.T, s *site) {
	s.write(t, "play.hcl", `
step "command" "ask" {
  on     = "all"
  argv   = ["touch", "/root/slow.done"]
  unless = ["sh", "-c", "sleep 20; false"]
}`)
	p := s.start(t, "apply", "--yes", "--json", "play.hcl")
	p.until(t, "the nodes plan", func(e event.Event) bool { return e.Kind == event.NodeState && e.State == event.Ready })
	p.signal(t, syscall.SIGINT)
	r := p.wait(t, 5*time.Second).want(t, 130)
	if sum := r.summary(t); sum.Exit != 130 || has(t, s.Lab, "node01", "/root/slow.done") {
		t.Errorf("summary: %+v", sum)
	}
	s.noAgents(t, 40*time.Second)
	s.run(t, "resume").want(t, 1).says(t, "there is no run")
}

// killedController: the agents end by themselves, and resume goes on without doing
// anything twice.
func killedController(t *testing.T, s *site) {
	p := s.start(t, "apply", "--yes", "--json", "play.hcl")
	p.started(t, "command[slow]@node01")
	eventually(t, "the slow step runs", 30*time.Second, func() bool { return has(t, s.Lab, "node01", "/root/slow.runs") })
	p.signal(t, syscall.SIGKILL)
	p.wait(t, 5*time.Second)
	if has(t, s.Lab, "node01", "/root/slow.done") {
		t.Fatal("the step was over already: nothing was shown")
	}
	s.run(t, "show").want(t, 0).says(t, "cut off")
	s.run(t, "resume", "--yes").want(t, 0)
	s.ranOnce(t)
	s.noAgents(t, 10*time.Second)
}

// deadConnection: the node's end of the connection dies in the middle of a step; a
// fresh agent adopts the step.
func deadConnection(t *testing.T, s *site) {
	p := s.start(t, "apply", "--yes", "--json", "-e", "seconds=6", "play.hcl")
	eventually(t, "the slow step runs", 30*time.Second, func() bool { return has(t, s.Lab, "node01", "/root/slow.runs") })
	killed, err := exec.Command("docker", "exec", "muster-"+s.Name+"-node01", "pkill", "-KILL", "-u", "admin", "sshd").CombinedOutput()
	if err != nil {
		t.Fatalf("no connection could be killed: %v %s", err, killed)
	}
	p.until(t, "the node is lost", func(e event.Event) bool { return e.Host == "node01" && e.State == event.Lost })
	r := p.wait(t, 60*time.Second).want(t, 0)
	back := false
	for _, e := range r.events {
		back = back || e.Kind == event.NodeState && e.State == event.Ready && e.Text == "back"
	}
	if !back {
		t.Error("the node never came back, and yet the run was well")
	}
	s.ranOnce(t)
}
