package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// TestOrder is about what runs after what, and what stops when something fails.
func TestOrder(t *testing.T) {
	l := up(t, "order", "node[01-04]")
	t.Run("Use", func(t *testing.T) { useSecond(t, l) })
	t.Run("Batch", func(t *testing.T) { batches(t, l) })
	t.Run("MaxFail", func(t *testing.T) { maxFail(t, l) })
}

// useSecond uses another playbook twice, with other values, and waits for it.
func useSecond(t *testing.T, l *lab.Lab) {
	s := newSite(t, l)
	s.write(t, "second/motd.hcl", `
variable "path" { type = string }
step "file" "motd" {
  on      = "all"
  path    = var.path
  content = file("text")
}
step "user" "reader" {
  on    = "all"
  after = [step.file.motd]
  name  = "reader"
}`)
	s.write(t, "second/text", "from the second playbook\n")
	s.write(t, "play.hcl", `
step "directory" "first" {
  on   = "node[01-02]"
  path = "/root/used"
}
use "one" {
  playbook = "./second"
  vars     = { path = "/root/used/one" }
  on       = "node[01-02]"
  after    = [step.directory.first]
}
use "two" {
  playbook = "./second"
  vars     = { path = "/root/two" }
  on       = "node01"
}
step "command" "last" {
  on      = "node[01-02]"
  after   = [use.one]
  argv    = ["sh", "-c", "cp /root/used/one /root/used/copy && getent passwd reader >/root/used/reader"]
  creates = "/root/used/reader"
}`)
	r := s.apply(t, 0, "play.hcl")
	for _, n := range []string{"node01", "node02"} {
		if got := on(t, l, n, "cat /root/used/copy"); got != "from the second playbook" {
			t.Errorf("%s: the step behind the used playbook found %q", n, got)
		}
		on(t, l, n, "grep -q ^reader: /root/used/reader")
	}
	if has(t, l, "node03", "/root/used") || has(t, l, "node02", "/root/two") {
		t.Error("a used playbook went beyond its `on`")
	}
	if got := r.ended()["one/file[motd]@node02"]; got != event.Changed {
		t.Errorf("one/file[motd]@node02 is %q among %v", got, r.ended())
	}
	if again := s.apply(t, 0, "play.hcl").summary(t); again.Changes != 0 {
		t.Errorf("a second apply has %d changes", again.Changes)
	}
}

// fails is a step that fails where /root/bad is, counts its starts, and is done once.
const fails = `
step "command" "work" {
  on      = "%s"
  argv    = ["sh", "-c", "echo run >>/root/work.runs; test ! -e /root/bad && touch /root/work.done"]
  creates = "/root/work.done"
  %s
}
`

func mark(t *testing.T, l *lab.Lab, bad ...string) {
	t.Helper()
	everywhere(t, l, "rm -f /root/work.* /root/bad /root/behind")
	for _, n := range bad {
		on(t, l, n, "touch /root/bad")
	}
}

// batches fails in the first of two batches: the second is not started.
func batches(t *testing.T, l *lab.Lab) {
	s := newSite(t, l)
	mark(t, l, "node01")
	s.write(t, "play.hcl", fmt.Sprintf(fails, "all", "batch = \"50%\""))
	r := s.apply(t, 3, "play.hcl")
	want := map[string]event.State{"command[work]@node01": event.Failed, "command[work]@node02": event.Changed,
		"command[work]@node03": event.Held, "command[work]@node04": event.Held}
	for v, state := range want {
		if got := r.ended()[v]; got != state {
			t.Errorf("%s is %q, want %s", v, got, state)
		}
	}
	if sum := r.summary(t); sum.Failed != 1 || sum.Changed != 1 || sum.Held != 2 || sum.Resume == "" {
		t.Errorf("summary: %+v", sum)
	}
	for n, runs := range map[string]bool{"node01": true, "node02": true, "node03": false, "node04": false} {
		if has(t, l, n, "/root/work.runs") != runs {
			t.Errorf("%s: the step ran: %v, want %v", n, !runs, runs)
		}
	}
	// For people: cause, exit status and how to go on.
	mark(t, l, "node01")
	text := s.run(t, "apply", "--yes", "play.hcl").want(t, 3).says(t, "FAILED", "command[work]@node01", "exit 1", "2 steps not started")
	resume := resumeOf(t, text)
	on(t, l, "node01", "rm /root/bad")
	s.run(t, append(resume, "--yes")...).want(t, 0)
	for _, n := range l.Nodes {
		if !has(t, l, n.Name, "/root/work.done") {
			t.Errorf("%s: not done after the resume", n.Name)
		}
	}
	// With one failure allowed, the second batch runs.
	mark(t, l, "node02")
	s.write(t, "play.hcl", fmt.Sprintf(fails, "all", "batch = 2\nmax_fail = 1"))
	if sum := s.apply(t, 3, "play.hcl").summary(t); sum.Failed != 1 || sum.Changed != 3 || sum.Held != 0 {
		t.Errorf("max_fail = 1: summary %+v", sum)
	}
}

// resumeOf is the resume command that a run printed, without the first word.
func resumeOf(t *testing.T, r result) []string {
	t.Helper()
	for line := range strings.Lines(r.stdout) {
		if rest, ok := strings.CutPrefix(line, "Go on with: muster "); ok {
			return strings.Fields(rest)
		}
	}
	t.Fatalf("no resume command was printed:\n%s", tail(r.stdout, 3000))
	return nil
}

// maxFail: how many hosts may fail before what waits for the whole step stops.
// ghost is a fifth host that nobody answers for.
func maxFail(t *testing.T, l *lab.Lab) {
	for _, c := range []struct {
		on, budget string
		bad        []string
		exit       int
		behind     bool
	}{
		{"node[01-04]", "", []string{"node02"}, 3, false},
		{"node[01-04]", "max_fail = 1", []string{"node02"}, 3, true},
		{"node[01-04]", "max_fail = 1", []string{"node02", "node03"}, 3, false},
		{"node[01-04]", "max_fail = \"50%\"", []string{"node02", "node03"}, 3, true},
		{"node[01-04]", "max_fail = \"49%\"", []string{"node02", "node03"}, 3, false}, // 1.96 is 1
		{"node[01-04], ghost", "max_fail = 1", nil, 4, true},
		{"node[01-04], ghost", "max_fail = 0", nil, 4, false},
		{"node[01-04], ghost", "max_fail = 1", []string{"node02"}, 3, false}, // the ghost counts
	} {
		name := strings.Trim(fmt.Sprint(c.on, " ", c.budget, " ", c.bad), " []")
		t.Run(name, func(t *testing.T) {
			s := newSite(t, l)
			s.inventory(t, "admin", "", "host \"ghost\" {\naddress = \""+l.Nodes[0].Address+"\"\nconnection { port = 9 }\n}\n")
			mark(t, l, c.bad...)
			s.write(t, "play.hcl", fmt.Sprintf(fails, c.on, c.budget)+`
step "file" "behind" {
  on        = "node01"
  after_all = [step.command.work]
  path      = "/root/behind"
  content   = "done\n"
}`)
			r := s.apply(t, c.exit, "play.hcl")
			if has(t, l, "node01", "/root/behind") != c.behind {
				t.Errorf("what waits for the step was done: %v, want %v", !c.behind, c.behind)
			}
			sum := r.summary(t)
			if sum.Failed != len(c.bad) || (sum.Held == 1) == c.behind || slices.Contains(sum.Unreachable, "ghost") != strings.Contains(c.on, "ghost") {
				t.Errorf("summary: %+v", sum)
			}
			for _, n := range l.Nodes { // hosts do not hold up each other within the step
				if has(t, l, n.Name, "/root/work.done") == slices.Contains(c.bad, n.Name) {
					t.Errorf("%s: the step's end is wrong", n.Name)
				}
			}
		})
	}
}
