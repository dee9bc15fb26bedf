package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"muster/integration/workload"
	"muster/playbooks/event"
)

// blow is one kill: what is missing on the nodes at the start, when the kill comes,
// and what follows. All of it is drawn from the seed and the number.
type blow struct {
	number  int
	damages map[string][]string // shell commands by node
	when    moment
	resume  bool // what follows is resume, not apply
	atOnce  bool // what follows does not wait for the agents' end
	story   []string
}

// moment is when a kill comes.
type moment struct {
	after  time.Duration // since the start
	events int           // after so many events
	kind   event.Kind    // at the first event of a kind
	job    bool          // when an installation runs on a node
	delay  time.Duration // after that
}

func (m moment) String() string {
	switch {
	case m.job:
		return fmt.Sprintf("%s after the first installation", m.delay)
	case m.kind != "":
		return fmt.Sprintf("%s after the first %s", m.delay, m.kind)
	case m.events > 0:
		return fmt.Sprintf("%s after event %d", m.delay, m.events)
	}
	return fmt.Sprintf("%s after the start", m.after)
}

// come waits for the moment, or for the end of the run.
func (m moment) come(p *process, containers []string) {
	for !m.reached(p, containers) {
		select {
		case <-p.done:
			return
		case <-time.After(time.Millisecond):
		}
	}
	select {
	case <-p.done:
	case <-time.After(m.after + m.delay):
	}
}

func (m moment) reached(p *process, containers []string) bool {
	switch {
	case m.job:
		_, jobs := musterProcesses(containers)
		return len(jobs) > 0
	case m.kind != "":
		return strings.Contains(p.out.String(), `"type":"`+string(m.kind)+`"`)
	}
	return strings.Count(p.out.String(), "\n") >= m.events
}

func (b *blow) say(format string, args ...any) {
	b.story = append(b.story, fmt.Sprintf(format, args...))
}

func (b *blow) String() string {
	verb := map[bool]string{true: "resume", false: "apply"}[b.resume]
	if b.atOnce {
		verb += " at once"
	}
	return fmt.Sprintf("kill %d, drawn for %s, then %s: %s", b.number, b.when, verb, strings.Join(b.story, "; "))
}

// draw draws a blow.
func (s *soak) draw(number int) *blow {
	r := rand.New(rand.NewPCG(s.seed, uint64(number)))
	b := &blow{number: number, damages: map[string][]string{}, resume: r.IntN(2) == 0, atOnce: r.IntN(2) == 0}
	packages := number%5 == 0
	for _, n := range s.Nodes {
		b.damages[n.Name] = drawDamages(r, packages)
	}
	b.when = s.drawMoment(r, number, packages)
	return b
}

// drawMoment draws from the whole length of a run. What lasts longest is not what
// breaks most easily: two of three kills go by events, which are dense where nodes
// are written and sparse while they are connected to. Where packages are missing most
// go by the installation, which is the rest.
func (s *soak) drawMoment(r *rand.Rand, number int, packages bool) moment {
	whole := s.light
	if packages {
		whole = s.heavy
	}
	switch {
	case packages && r.IntN(4) > 0:
		return moment{job: true, delay: time.Duration(r.Int64N(int64(whole.time / 6)))}
	case number%3 == 0:
		kinds := []event.Kind{event.RunStart, event.NodeState, event.PlanStep, event.PlanDone, event.Approved, event.StepStart, event.StepResult}
		return moment{kind: kinds[r.IntN(len(kinds))], delay: time.Duration(r.IntN(40)) * time.Millisecond}
	case number%3 == 1 && !packages:
		return moment{events: 1 + r.IntN(whole.events), delay: time.Duration(r.IntN(5)) * time.Millisecond}
	}
	return moment{after: time.Duration(r.Int64N(int64(whole.time)))}
}

// drawDamages draws what is missing or wrong on a node.
func drawDamages(r *rand.Rand, packages bool) []string {
	some := func(n int) string { // a random part of the numbers 1 to n
		var out []string
		for _, i := range r.Perm(n)[:1+r.IntN(n)] {
			out = append(out, fmt.Sprint(i+1))
		}
		return strings.Join(out, " ")
	}
	root := workload.Root
	all := []string{
		"rm -rf " + root,
		fmt.Sprintf("for i in %s; do rm -rf %s/d$(printf %%02d $i); done", some(10), root),
		fmt.Sprintf("for i in %s; do rm -f %s/*/file$(printf %%02d $i).conf; done", some(15), root),
		fmt.Sprintf("for i in %s; do for f in %s/*/template$i.conf; do [ ! -e $f ] || echo edited >>$f; done; done", some(5), root),
		fmt.Sprintf("[ ! -e %[1]s/lines.conf ] || sed -i '%[2]d,$d' %[1]s/lines.conf", root, 1+r.IntN(10)),
		fmt.Sprintf("[ ! -e %[1]s ] || find %[1]s -mindepth 1 -name 'd*' -o -name '*[0-9].conf' | head -n %[2]d | xargs -r chmod 0700", root, 1+r.IntN(30)),
		removeUsers(some(5)),
		"systemctl disable -q --now cron 2>/dev/null",
		"rm -rf /var/lib/muster/agent /home/*/.cache/muster",             // the agent is uploaded again
		"cd /var/lib/muster && rm -rf agent runs units holders node.key", // a node as good as new
	}
	var out []string
	for _, i := range r.Perm(len(all))[:2+r.IntN(5)] {
		out = append(out, all[i])
	}
	if packages {
		var names []string
		list := []string{"cron", "logrotate", "rsync"}
		for _, i := range r.Perm(len(list))[:1+r.IntN(len(list))] {
			names = append(names, list[i])
		}
		out = append(out, purge(strings.Join(names, " ")))
	}
	return out
}

// removeUsers removes workers of the workload by their numbers.
func removeUsers(numbers string) string {
	return fmt.Sprintf("for i in %s; do userdel -r worker$i 2>/dev/null; ! id worker$i 2>/dev/null; done", numbers)
}

func purge(names string) string { return "dpkg --purge " + names + " >/dev/null 2>&1" }

// script joins damages.
func script(damages []string) string {
	return fmt.Sprintf("set -e; %s", strings.Join(append(damages, "true"), "; "))
}
