package integration

import (
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"muster/playbooks/event"
)

// slowOn is the work of faulty where two of the nodes take their seconds.
func (s *site) slowOn(t *testing.T, seconds int) {
	t.Helper()
	s.faulty(t, "command", fmt.Sprintf(`
  argv    = ["sh", "-c", "case $(hostname) in node01|node02) echo run >>/root/slow.runs; sleep %d;; esac; touch /root/fault.work"]
  creates = "/root/fault.work"`, seconds))
}

// once fails unless the work ran once on both slow nodes.
func (s *site) once(t *testing.T) {
	t.Helper()
	for _, n := range []string{"node01", "node02"} {
		if got := on(t, s.Lab, n, "cat /root/slow.runs /root/fault.more"); got != "run\ndone" {
			t.Errorf("%s: the slow step and the one behind it: %q", n, got)
		}
	}
}

// TestFaultLine is about nodes that fall silent: frozen, or without a network.
func TestFaultLine(t *testing.T) {
	long(t)
	l := up(t, "line", "node[01-04]")
	t.Run("ForAWhile", func(t *testing.T) { silentForAWhile(t, newSite(t, l)) })
	everywhere(t, l, forgetFaults+" /root/slow.*")
	t.Run("ForGood", func(t *testing.T) { silentForGood(t, newSite(t, l)) })
}

// silence freezes node01 and takes node02's network away while both work.
func (s *site) silence(t *testing.T, p *process) (at time.Time) {
	t.Helper()
	for _, n := range []string{"node01", "node02"} {
		p.makes(t, s, n, "/root/slow.runs")
	}
	at = time.Now()
	if err := s.Pause(t.Context(), "node01"); err != nil {
		t.Fatal(err)
	}
	if err := s.Cut(t.Context(), "node02"); err != nil {
		t.Fatal(err)
	}
	return at
}

func (s *site) heal(t *testing.T) {
	t.Helper()
	if err := s.Unpause(t.Context(), "node01"); err != nil {
		t.Fatal(err)
	}
	if err := s.Rejoin(t.Context(), "node02"); err != nil {
		t.Fatal(err)
	}
}

// silentForAWhile: ten seconds without an answer are no failure.
func silentForAWhile(t *testing.T, s *site) {
	s.slowOn(t, 4)
	p := s.start(t, "apply", "--yes", "--json", "play.hcl")
	at := s.silence(t, p)
	time.Sleep(time.Until(at.Add(10 * time.Second)))
	s.heal(t)
	r := p.wait(t, 2*time.Minute).want(t, 0)
	for _, n := range []string{"node03", "node04"} {
		i := slices.IndexFunc(r.events, func(e event.Event) bool { return e.Kind == event.StepResult && e.Name() == "file[more]@"+n })
		if i < 0 || r.events[i].Time.After(at.Add(10*time.Second)) {
			t.Errorf("%s had to wait for the silent nodes", n)
		}
	}
	s.once(t)
	if !has(t, s.Lab, "node04", "/root/fault.held") {
		t.Error("what waits for all nodes is not done")
	}
}

// silentForGood: both are lost within 30 s and then given up; all others are done.
func silentForGood(t *testing.T, s *site) {
	s.slowOn(t, 4)
	p := s.start(t, "apply", "--yes", "--json", "--reconnect", "3s", "play.hcl")
	at := s.silence(t, p)
	r := p.wait(t, 90*time.Second).want(t, 4)
	for _, n := range []string{"node01", "node02"} {
		i := slices.IndexFunc(r.events, func(e event.Event) bool { return e.Host == n && e.State == event.Lost })
		if i < 0 {
			t.Fatalf("%s is never said to be lost", n)
		}
		if took := r.events[i].Time.Sub(at); took > 35*time.Second {
			t.Errorf("%s was silent for %s before it was lost", n, took)
		}
		r.tells(t, n, "nothing was heard for 30s", "not back after 3s", "what the step did is not known", "muster resume")
		if got := r.ended()["command[work]@"+n]; got != event.Unreachable {
			t.Errorf("the step in the middle on %s is %q", n, got)
		}
	}
	for v, want := range map[string]event.State{"file[more]@node03": event.Changed, "file[more]@node04": event.Changed,
		"file[held]@node04": event.Held, "file[goes]@node04": event.Held} { // two are more than the one that may be missed
		if got := r.ended()[v]; got != want {
			t.Errorf("%s is %q, want %s", v, got, want)
		}
	}
	if sum := r.summary(t); fmt.Sprint(sum.Unreachable) != "[node01 node02]" || sum.Failed != 0 {
		t.Errorf("summary: %+v", sum)
	}
	// As they are, they cannot be dialled either; each says at what it fails.
	start := time.Now()
	second := newSite(t, s.Lab)
	second.write(t, "play.hcl", "step \"file\" \"again\" {\n on = \"all\"\n path = \"/root/fault.again\"\n content = \"x\"\n}\n")
	again := second.apply(t, 4, "play.hcl")
	again.tells(t, "node01", "banner/kex: not done within 20s", "may be frozen")
	again.tells(t, "node02", "connect: ", "is the host on")
	if took := time.Since(start); took > 40*time.Second || !has(t, s.Lab, "node03", "/root/fault.again") {
		t.Errorf("two nodes that do not answer cost %s", took)
	}
	s.heal(t)
	s.noAgents(t, 60*time.Second)
	s.mended(t, r)
	s.once(t)
}

// sshdRestarted: sessions outlive a restart of sshd, so that nothing is lost.
func sshdRestarted(t *testing.T, s *site) {
	s.slowOn(t, 4)
	p := s.start(t, "apply", "--yes", "--json", "play.hcl")
	p.makes(t, s, "node01", "/root/slow.runs")
	before := on(t, s.Lab, "node01", "systemctl show -P MainPID ssh")
	if out, err := exec.Command("docker", "exec", "muster-"+s.Name+"-node01", "systemctl", "restart", "ssh").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if on(t, s.Lab, "node01", "systemctl show -P MainPID ssh") == before || has(t, s.Lab, "node01", "/root/fault.work") {
		t.Fatal("sshd was not restarted in the middle of the step")
	}
	r := p.wait(t, time.Minute).want(t, 0)
	for _, e := range r.events {
		if e.State == event.Lost {
			t.Errorf("%s was lost: %s", e.Host, e.Text)
		}
	}
	s.once(t)
	if sum := s.apply(t, 0, "play.hcl").summary(t); sum.Changes != 0 {
		t.Errorf("a second apply has %d changes", sum.Changes)
	}
}
