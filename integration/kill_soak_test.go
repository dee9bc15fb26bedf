package integration

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/integration/workload"
	"muster/playbooks/event"
)

// soak kills applies of a playbook and holds what follows to the unbroken run.
type soak struct {
	*site
	playbook   string
	look       string // script that prints the state of a node
	containers []string
	seed       uint64
	end        map[string]string // what an unbroken run leaves, by node
	light      length            // of an unbroken run that installs no package
	heavy      length            // of one that does
	*tally
}

// tally is what the kills of a series met.
type tally struct {
	met     map[string]int
	slowest time.Duration // from a kill to the end of the last agent
}

// length is how long an unbroken run takes, and how many events it prints.
type length struct {
	time   time.Duration
	events int
}

// TestKilledAnywhere kills the controller with SIGKILL at random points of applies
// of fifty steps on two nodes: while it connects, plans, between the approval and
// the first write, while it writes, while packages are installed. MUSTER_SOAK_KILLS
// says how often, MUSTER_SOAK_SEED repeats a series, and MUSTER_SOAK_ONLY one kill of it.
func TestKilledAnywhere(t *testing.T) {
	long(t)
	kills, only := int(setting(t, "MUSTER_SOAK_KILLS", 50)), int(setting(t, "MUSTER_SOAK_ONLY", 0))
	s := newSoak(t, seedOf(t))
	if only > 0 {
		s.strike(t, s.draw(only))
		return
	}
	landed, number := 0, 0
	for landed < kills {
		if number++; number > 2*kills+20 {
			t.Fatalf("only %d of %d kills came before the end of their run", landed, number-1)
		}
		if s.strike(t, s.draw(number)) {
			landed++
		}
	}
	s.report(t, landed, number)
	for _, phase := range []string{"before the approval", "after the approval", "during package work", "resume", "apply"} {
		if kills >= 20 && s.met[phase] == 0 {
			t.Errorf("no kill met: %s", phase)
		}
	}
}

func (y *tally) report(t *testing.T, landed, runs int) {
	t.Helper()
	t.Logf("%d kills in %d runs: %v; where nothing followed at once the last agent was gone %s after its controller at the latest",
		landed, runs, y.met, y.slowest.Round(time.Millisecond))
}

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// seedOf is the seed of a series, printed so that it can be repeated.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := setting(t, "MUSTER_SOAK_SEED", rand.Uint64N(1_000_000)+1)
	t.Logf("MUSTER_SOAK_SEED=%d repeats this series", seed)
	return seed
}

// newSoak makes two nodes on which the workload has been applied, and measures
// unbroken runs. They all have to end in the same state.
func newSoak(t *testing.T, seed uint64) *soak {
	t.Helper()
	s := &soak{site: newSite(t, up(t, "soak", "node[01-02]")), playbook: "play.hcl", look: workloadScript, seed: seed, tally: &tally{met: map[string]int{}}}
	s.containers = (&cluster{Lab: s.Lab}).containers(t)
	s.write(t, "play.hcl", workload.HCL("all"))
	s.unbroken(t) // fetches the packages
	s.light = s.unbroken(t, "rm -r /srv/workload", removeUsers("1 2 3 4 5"))
	s.heavy = s.unbroken(t, "rm -r /srv/workload", purge("cron logrotate rsync"))
	t.Logf("unbroken runs: %s and %d events, with packages %s and %d",
		s.light.time.Round(time.Millisecond), s.light.events, s.heavy.time.Round(time.Millisecond), s.heavy.events)
	return s
}

// unbroken measures a run that nobody kills.
func (s *soak) unbroken(t *testing.T, damages ...string) length {
	t.Helper()
	everywhere(t, s.Lab, script(damages))
	from := time.Now()
	r := s.apply(t, 0, s.playbook)
	took := time.Since(from)
	s.atTheEnd(t)
	return length{took, len(r.events)}
}

// strike damages the nodes, starts an apply, kills it, lets resume or apply follow
// and checks what is left. It says whether the kill came before the run's end.
func (s *soak) strike(t *testing.T, b *blow) (hit bool) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Fatalf("%s\nmissing at the start: %v\nagain: MUSTER_SOAK_SEED=%d MUSTER_SOAK_ONLY=%d go test -v -run '^%s$' ./integration",
				b, b.damages, s.seed, b.number, strings.Split(t.Name(), "/")[0])
		}
	}()
	each(s.Lab, func(node string) { on(t, s.Lab, node, script(b.damages[node])) })
	s.forgetRuns(t)
	if t.Failed() {
		return false
	}
	before, since := s.states(t), time.Now()
	p := s.start(t, "apply", "--yes", "--json", s.playbook)
	b.when.come(p, s.containers)
	hit, killed := p.killed(t), time.Now()
	b.say("killed %v after its start, after %d events", killed.Sub(since).Round(time.Millisecond), strings.Count(p.out.String(), "\n"))
	agents, jobs := musterProcesses(s.containers)
	if hit && len(jobs) > 0 {
		s.meet(b, "during package work")
	}
	if b.atOnce {
		s.follow(t, b, before)
		noneOf(t, s.containers, append([]int{}, agents...), killed.Add(time.Minute))
		noneOf(t, s.containers, nil, time.Now().Add(time.Minute)) // nor its own
	} else {
		noneOf(t, s.containers, nil, killed.Add(time.Minute))
		took := time.Since(killed)
		s.slowest = max(s.slowest, took)
		b.say("no agent %s after the kill", took.Round(time.Millisecond))
		s.follow(t, b, before)
	}
	s.atTheEnd(t)
	each(s.Lab, func(node string) { packageManagersLived(t, s.Lab, node, since) })
	if list := changesOf(s.apply(t, 0, s.playbook).events, event.PlanStep); len(list) > 0 {
		t.Errorf("the apply after it has changes:\n%s", lines(list))
	}
	t.Log(b)
	return hit
}

// meet counts what a kill has met.
func (s *soak) meet(b *blow, what string) {
	s.met[what]++
	b.say("%s", what)
}
