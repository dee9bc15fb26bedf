package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/inventory/hostlist"
	"muster/playbooks/event"
)

// deadNode stops one node and changes a partition: the others get all of it and
// serve, the run says that one was not reached, and the same command finishes
// that one when it is back.
func deadNode(t *testing.T, c *cluster) {
	const dead = "node03"
	if err := c.Stop(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	args := []string{"-e", partition("00:20:00"), "--yes", "--json"}
	start := time.Now()
	r := c.run(t, "apply", args...).want(t, 4)
	t.Logf("an apply with %s away took %s", dead, time.Since(start).Round(time.Second))
	if sum := r.summary(t); sum.Exit != 4 || !slices.Contains(unreachable(r.events), dead) {
		t.Errorf("the run does not name %s as unreachable: %v", dead, unreachable(r.events))
	}
	for _, l := range changesOf(r.events, event.StepResult) {
		if l.host == dead {
			t.Errorf("a change is reported of a node that is away: %s", l)
		}
	}

	if got := on(t, c.Lab, "ctl01", "scontrol show partition short"); !strings.Contains(got, "MaxTime=00:20:00") {
		t.Errorf("the changed partition is not in service:\n%s", got)
	}
	eventually(t, "srun on the nodes that are there", 60*time.Second, func() bool {
		out, err := c.Exec(t.Context(), "ctl01", "timeout", "30", "srun", "-p", "short", "-N2", "-w", "node01,node02", "hostname")
		return err == nil && len(strings.Fields(out)) == 2
	})
	if names := nodeNames(t, c); !slices.Contains(names, dead) {
		t.Errorf("slurm.conf has lines for %v and none for %s", names, dead)
	}

	if err := c.Start(t.Context(), dead); err != nil {
		t.Fatal(err)
	}
	c.run(t, "apply", args...).want(t, 0)
	useCluster(t, c.Lab, 3)
	c.noChanges(t, "apply", "-e", partition("00:20:00"))
}

// unreachable lists the nodes that a run could not reach.
func unreachable(events []event.Event) []string {
	var out []string
	for _, e := range events {
		if e.Kind == event.NodeState && e.State == event.Unreachable {
			out = append(out, e.Host)
		}
	}
	return out
}

// nodeNames expands the NodeName lines of the controller's slurm.conf.
func nodeNames(t *testing.T, c *cluster) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rootOf(t, c, "ctl01"), "etc/slurm/slurm.conf"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "NodeName="); ok {
			names, err := hostlist.Expand(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, names...)
		}
	}
	return out
}
