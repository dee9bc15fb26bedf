package integration

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/playbooks/event"
)

// slowWork is the play of an operator who is at it for a while on two of four nodes.
const slowWork = `
variable "seconds" { default = 6 }
step "command" "slow" {
  on      = "node[01-02]"
  argv    = ["sh", "-c", "echo run >>/root/slow.runs; sleep ${var.seconds}; touch /root/slow.done"]
  creates = "/root/slow.done"
}
`

// operators: who comes second is told who is there, since when and with which run,
// and touches no node, also none that is free; on other nodes both work at once; a
// holder that is killed holds nobody up.
func operators(t *testing.T, first *site) {
	second := newSite(t, first.Lab)
	first.write(t, "play.hcl", slowWork)
	second.faulty(t, "file", marker)
	p := first.start(t, "apply", "--yes", "--json", "-l", "node[01-02]", "play.hcl")
	p.started(t, "command[slow]@node01")
	run := readEvents(p.out.String())[0].Run

	r := second.apply(t, 6, "play.hcl")
	r.tells(t, "node01", "locked by ", "@", "run "+run, "apply", "since 20")
	if len(r.ended()) > 0 || has(t, first.Lab, "node03", "/root/fault.work") {
		t.Errorf("a run that found a node locked has done something: %v", r.ended())
	}
	second.run(t, "apply", "--yes", "play.hcl").want(t, 6).says(t, "Wait with --lock-timeout")
	second.write(t, "beside.hcl", "step \"file\" \"beside\" {\n on = \"all\"\n path = \"/root/fault.beside\"\n content = \"x\"\n}\n")
	second.apply(t, 0, "-l", "node[03-04]", "beside.hcl")
	if has(t, first.Lab, "node01", "/root/slow.done") {
		t.Fatal("the first was done already: nothing was shown")
	}
	second.apply(t, 0, "--lock-timeout", "60s", "play.hcl")
	p.wait(t, time.Minute).want(t, 0)

	everywhere(t, first.Lab, forgetFaults+" /root/slow.*")
	p = first.start(t, "apply", "--yes", "--json", "play.hcl")
	p.started(t, "command[slow]@node01")
	q := second.start(t, "apply", "--yes", "--json", "--lock-timeout", "60s", "play.hcl")
	q.until(t, "the second has looked", func(e event.Event) bool { return e.Host == "node03" && e.State == event.Ready })
	if has(t, first.Lab, "node01", "/root/slow.done") {
		t.Fatal("the first was done already: nothing was shown")
	}
	p.signal(t, syscall.SIGKILL)
	q.wait(t, time.Minute).want(t, 0)
	if got := strings.Fields(on(t, first.Lab, "node01", "cat /root/slow.runs; cat /root/fault.more")); len(got) != 2 {
		t.Errorf("after the first was killed: %v", got)
	}
	first.noAgents(t, 20*time.Second)
}
