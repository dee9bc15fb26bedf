package integration

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster/playbooks/event"
)

// TestConvergedCluster takes one cluster, once it has converged, through what
// needs a cluster in service: a plan beside an idle stretch, a node that is
// away, and an adoption by a muster that has never seen it.
func TestConvergedCluster(t *testing.T) {
	c := &cluster{up(t, "kept", "ctl01:slurm_controller", "node[01-03]:slurm_node"), []string{"slurm-cluster"}}
	c.run(t, "apply", "--yes", "--json").want(t, 0)
	useCluster(t, c.Lab, 3)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *cluster)
	}{{"recorded answers", recordedAnswers}, {"idle", planLikeIdle}, {"dead node", deadNode}, {"adopt", adopt}} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, c) }) {
			t.FailNow() // the next part would only repeat it
		}
	}
}

// planLikeIdle compares what differs on the nodes across a plan with what differs
// across a stretch of the same length in which nobody does anything. Daemons
// write when they please, so those that ownWriting knows are free to differ.
func planLikeIdle(t *testing.T, c *cluster) {
	start := time.Now()
	c.noChanges(t, "plan")
	long := time.Since(start)

	before := look(t, c.Lab)
	time.Sleep(long) // the length itself is what is measured
	between := look(t, c.Lab)
	c.noChanges(t, "plan")
	after := look(t, c.Lab)

	for host := range before {
		idle, plan := before[host].diff(between[host]), between[host].diff(after[host])
		t.Logf("%s: %s idle: %d differences\n%s", host, long.Round(time.Millisecond), len(idle), strings.Join(idle, "\n"))
		t.Logf("%s: across a plan: %d differences\n%s", host, len(plan), strings.Join(plan, "\n"))
		for _, d := range plan {
			if !slices.ContainsFunc(idle, func(i string) bool { return subject(i) == subject(d) }) && !ownWriting(d) {
				t.Errorf("%s: differs across a plan and not while idle: %s", host, d)
			}
		}
	}
}

// subject is what a difference is about, without its values.
func subject(diff string) string {
	name, _, _ := strings.Cut(diff, `: "`)
	return name
}

// noChanges runs plan or apply and fails if there is anything to change.
func (c *cluster) noChanges(t *testing.T, verb string, more ...string) {
	t.Helper()
	if verb == "apply" {
		more = append(slices.Clone(more), "--yes")
	}
	r := c.run(t, verb, append(slices.Clone(more), "--json")...).want(t, 0)
	if list := changesOf(r.events, event.PlanStep); len(list) > 0 {
		t.Errorf("%s: nothing was to change, and these are listed:\n%s", verb, lines(list))
	}
}
