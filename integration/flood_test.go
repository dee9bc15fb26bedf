package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// TestEndlessOutput: honest nodes whose programs print 1 GB of lines, and 10 GB without
// the end of a line. Neither muster nor the agents keep it, and what is shown
// says that something was left out.
func TestEndlessOutput(t *testing.T) {
	long(t)
	l := up(t, "flood", "node[01-02]")
	s := newSite(t, l)
	s.write(t, "play.hcl", `
step "command" "lines" {
  on     = "node01"
  argv   = ["sh", "-c", "yes 0123456789abcdef0123456789abcdef | head -c 1G"]
  always = true
}
step "command" "one_line" {
  on     = "node02"
  argv   = ["head", "-c", "10G", "/dev/zero"]
  always = true
}
`)
	p := s.start(t, "apply", "--yes", "--json", "play.hcl")
	p.started(t, "command[lines]@node01")
	p.started(t, "command[one_line]@node02")
	peak := 0
	for running := true; running; {
		select {
		case <-p.done:
			running = false
		case <-time.After(200 * time.Millisecond):
			peak = max(peak, agentMemory(t, l, "node01"), agentMemory(t, l, "node02"))
		}
	}
	r := p.wait(t, 10*time.Minute).want(t, 0)
	if peak == 0 || peak > 100 {
		t.Errorf("an agent had %d MiB at most, 1 to 100 were expected", peak)
	}
	checkMemory(t, p, 150)
	shown, told := map[string]int{}, map[string]bool{}
	for _, e := range r.events {
		if e.Kind == event.StepOutput {
			shown[e.Host] += len(e.Text)
		}
		told[e.Host] = told[e.Host] || strings.Contains(e.Text, "left out") || strings.Contains(e.Text, "the rest is dropped")
	}
	for _, host := range []string{"node01", "node02"} {
		if shown[host] == 0 || shown[host] > 1<<20 || !told[host] {
			t.Errorf("%s: %d bytes of output are shown, told that something is missing: %v", host, shown[host], told[host])
		}
	}
}

// agentMemory is the most that an agent on a node has had so far, in MiB; 0 for none.
func agentMemory(t *testing.T, l *lab.Lab, node string) int {
	t.Helper()
	out, err := l.Exec(t.Context(), node, "sh", "-c", `for p in /proc/[0-9]*; do case $(readlink $p/exe) in
		/var/lib/muster/agent/*) grep VmHWM $p/status;; esac; done`)
	if err != nil {
		return 0 // it ends meanwhile
	}
	most := 0
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 3 {
			kib, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %w", line, err))
			}
			most = max(most, kib>>10)
		}
	}
	return most
}
