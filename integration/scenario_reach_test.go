package integration

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// TestReach is about getting to a node: through others, past sudo, and beside
// another operator.
func TestReach(t *testing.T) {
	l := up(t, "reach", "node[01-03]")
	t.Run("SudoPassword", func(t *testing.T) { sudoPassword(t, l) })
	t.Run("TwoOperators", func(t *testing.T) { twoOperators(t, l) })
	t.Run("JumpChain", func(t *testing.T) { jumpChain(t, l) })
}

// jumpChain lets node02 be reached from node01 alone, and node03 from node02
// alone: routes that drop the answers to everybody else see to it.
func jumpChain(t *testing.T, l *lab.Lab) {
	s := newSite(t, l)
	one, two, three := s.address("node01"), s.address("node02"), s.address("node03")
	gateway := one[:strings.LastIndexByte(one, '.')] + ".1" // the host's own address in the bridge
	on(t, l, "node02", "ip route add blackhole "+gateway+"/32")
	on(t, l, "node03", "ip route add blackhole "+gateway+"/32 && ip route add blackhole "+one+"/32")
	for _, address := range []string{two, three} {
		if c, err := net.DialTimeout("tcp", address+":22", 500*time.Millisecond); err == nil {
			c.Close()
			t.Fatalf("%s can be reached directly: the scenario would prove nothing", address)
		}
	}
	s.inventory(t, "admin", `jump = ["`+one+`", "admin@`+two+`:22"]`, "")
	s.write(t, "play.hcl", `
step "command" "peers" {
  on      = "node03"
  argv    = ["sh", "-c", "ss -Htn state established sport = :22 | awk '{print $4}' >/root/peers"]
  creates = "/root/peers"
}`)
	s.apply(t, 0, "play.hcl")
	peers := strings.Fields(on(t, l, "node03", "cat /root/peers"))
	if len(peers) != 1 || !strings.HasPrefix(peers[0], two+":") {
		t.Errorf("connections to node03 come from %v, only node02 (%s) was expected", peers, two)
	}
}

func sudoPassword(t *testing.T, l *lab.Lab) {
	s := newSite(t, l)
	s.inventory(t, "pwadmin", "", "")
	s.write(t, "play.hcl", `
step "file" "root_only" {
  on      = "node01"
  path    = "/root/by-sudo"
  content = "yes\n"
  mode    = "0600"
}`)
	s.apply(t, 4, "play.hcl").says(t, "sudo needs a password", "-K")

	s.write(t, "wrong", "not the password\n")
	attempts := func() string {
		return on(t, l, "node01", `journalctl -q -o cat SYSLOG_IDENTIFIER=sudo | grep -c 'incorrect password attempt' || true`)
	}
	r := s.apply(t, 4, "--become-password-file", "wrong", "play.hcl").says(t, "sudo refused the password")
	if got := attempts(); got != "1" {
		t.Errorf("%s entries of sudo about wrong passwords, one was expected", got)
	}
	if got := on(t, l, "node01", `journalctl -q -o cat SYSLOG_IDENTIFIER=sudo | grep 'incorrect password attempt'`); !strings.Contains(got, "1 incorrect password attempt") {
		t.Errorf("sudo counted more than one attempt: %s", got)
	}
	if strings.Contains(r.stdout+r.stderr, "not the password") {
		t.Error("the password was printed")
	}
	if has(t, l, "node01", "/root/by-sudo") {
		t.Fatal("the step was done without sudo's password")
	}

	file := filepath.Join(l.Dir, lab.FilePassword)
	s.apply(t, 0, "--become-password-file", file, "play.hcl")
	if got := on(t, l, "node01", "stat -c '%U %a' /root/by-sudo"); got != "root 600" {
		t.Errorf("/root/by-sudo is %q", got)
	}
	// The same from the inventory.
	s.inventory(t, "pwadmin", "become_password = secret.sudo", `secret "sudo" { file = "`+file+`" }`)
	if r := s.apply(t, 0, "play.hcl"); r.summary(t).Changes != 0 {
		t.Errorf("a second apply has %d changes", r.summary(t).Changes)
	}
	password, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	noCanary(t, string(password), s.dir)
}

// slow is a step that takes its seconds, and one behind it.
const slow = `
step "command" "slow" {
  on      = "node01"
  argv    = ["sh", "-c", "echo run >>/root/slow.runs; sleep ${var.seconds}; touch /root/slow.done"]
  creates = "/root/slow.done"
}
step "file" "behind" {
  on      = "node01"
  after   = [step.command.slow]
  path    = "/root/behind"
  content = "done\n"
}
step "file" "beside" {
  on      = "node02"
  path    = "/root/beside"
  content = "done\n"
}
variable "seconds" { default = 4 }
`

// forget takes away what slow leaves.
const forgetSlow = "rm -f /root/slow.* /root/behind /root/beside"

// twoOperators: while one applies, another neither plans nor applies the same
// nodes, is told who is there, and gets its turn when it waits.
func twoOperators(t *testing.T, l *lab.Lab) {
	everywhere(t, l, forgetSlow)
	first, second := newSite(t, l), newSite(t, l)
	first.write(t, "play.hcl", slow)
	second.write(t, "play.hcl", slow)
	p := first.start(t, "apply", "--yes", "--json", "play.hcl")
	p.started(t, "command[slow]@node01")
	for _, verb := range [][]string{{"plan"}, {"apply", "--yes"}} {
		r := second.run(t, append(verb, "play.hcl")...).want(t, 6)
		r.says(t, "node01", "locked by ", "apply) since 20", "@")
	}
	if has(t, l, "node01", "/root/slow.done") {
		t.Fatal("the first apply was over already: nothing was shown")
	}
	second.apply(t, 0, "--lock-timeout", "30s", "play.hcl")
	p.wait(t, time.Minute).want(t, 0)
	if got := on(t, l, "node01", "cat /root/slow.runs"); got != "run" {
		t.Errorf("the slow step ran: %q", got)
	}
	// Two plans at once do not disturb each other.
	a, b := first.start(t, "plan", "--json", "play.hcl"), second.start(t, "plan", "--json", "play.hcl")
	for _, p := range []*process{a, b} {
		for _, e := range p.wait(t, time.Minute).want(t, 0).events {
			if e.State == event.Locked {
				t.Errorf("a plan found the node locked by a plan: %s", e.Text)
			}
		}
	}
}
