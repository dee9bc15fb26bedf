package integration

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/integration/lab"
	"muster/integration/lab/sim"
	"muster/playbooks/event"
)

// simulated starts a fleet in the test process.
func simulated(t *testing.T, nodes int) (dir string, fleet *sim.Fleet) {
	t.Helper()
	dir = t.TempDir()
	fleet, err := lab.StartFleet(lab.SimOptions{Name: "sim", Dir: dir, Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Close)
	return dir, fleet
}

// TestSimulatedFleet: slurm-cluster on 20 simulated nodes; a second apply has
// nothing to do.
func TestSimulatedFleet(t *testing.T) {
	dir, _ := simulated(t, 20)
	planned := muster(t, dir, "plan", "--json", "-i", "inventory.hcl", "slurm-cluster").want(t, 0).summary(t)
	first := muster(t, dir, "apply", "--yes", "--json", "-i", "inventory.hcl", "slurm-cluster").want(t, 0).summary(t)
	if planned.Hosts != 20 || planned.Changes < 9*20 || first.Changes != planned.Changes {
		t.Errorf("%d changes on %d nodes were planned, %d were made", planned.Changes, planned.Hosts, first.Changes)
	}
	second := muster(t, dir, "apply", "--yes", "--json", "-i", "inventory.hcl", "slurm-cluster").want(t, 0).summary(t)
	if second.Changes != 0 || second.Changed != 0 || second.OK != first.OK+first.Changed {
		t.Errorf("the second apply: %+v", second)
	}
}

// TestSimulatedUnreachable: one node does not answer; the others are completed, also
// by count of their own steps, and have nothing to do afterwards.
func TestSimulatedUnreachable(t *testing.T) {
	t.Run("20", func(t *testing.T) { oneUnreachable(t, 20, "node07") })
	t.Run("200", func(t *testing.T) { oneUnreachable(t, 200, "node007") })
}

func oneUnreachable(t *testing.T, nodes int, closed string) {
	dir, fleet := simulated(t, nodes)
	if !fleet.CloseNode(closed) {
		t.Fatal("there is no " + closed)
	}
	r := muster(t, dir, "apply", "--yes", "--json", "-i", "inventory.hcl", "slurm-cluster").want(t, 4)
	first := r.summary(t)
	if !slices.Equal(first.Unreachable, []string{closed}) || first.Failed != 0 || first.Held != 0 {
		t.Errorf("the first apply: %+v", first)
	}
	done := completed(r.events)
	if len(done) != nodes-1 || done["ctl01"] != 6 {
		t.Errorf("steps done, by node: %v", done)
	}
	for _, host := range slices.Sorted(maps.Keys(done)) {
		if host != "ctl01" && done[host] != 5 {
			t.Errorf("%s has done %d steps, not 5", host, done[host])
		}
	}
	second := muster(t, dir, "apply", "--yes", "--json", "-i", "inventory.hcl", "slurm-cluster").want(t, 4).summary(t)
	if second.Changes != 0 || second.Changed != 0 || !slices.Equal(second.Unreachable, first.Unreachable) {
		t.Errorf("the second apply: %+v", second)
	}
	comesBack(t, dir, fleet, nodes, closed)
}

// comesBack: the node that was closed is completed by the next apply. Of the others
// only the controller is written to, whose slurm.conf did not have the node while
// nothing was known of it. Then there is nothing to do.
func comesBack(t *testing.T, dir string, fleet *sim.Fleet, nodes int, closed string) {
	if err := fleet.OpenNode(closed); err != nil {
		t.Fatal(err)
	}
	r := muster(t, dir, "apply", "--yes", "--json", "-i", "inventory.hcl", "slurm-cluster").want(t, 0)
	changed := map[string]int{}
	for _, e := range r.events {
		if e.Kind == event.StepResult && e.State == event.Changed {
			changed[e.Host]++
			if e.Host != closed && !strings.HasPrefix(e.Step, "slurm_controller[") {
				t.Errorf("%s was changed", e.Name())
			}
		}
	}
	if sum := r.summary(t); changed[closed] < 4 || changed["ctl01"] != 1 || sum.Failed != 0 || sum.Held != 0 {
		t.Errorf("%s is back: steps that changed something, by node: %v, %+v", closed, changed, sum)
	}
	last := muster(t, dir, "apply", "--yes", "--json", "-i", "inventory.hcl", "slurm-cluster").want(t, 0).summary(t)
	if last.Changes != 0 || last.Changed != 0 || last.Hosts != nodes {
		t.Errorf("the apply after it: %+v", last)
	}
}

// completed counts the steps that ended well, by host.
func completed(events []event.Event) map[string]int {
	done := map[string]int{}
	for _, e := range events {
		if e.Kind == event.StepResult && (e.State == event.OK || e.State == event.Changed) {
			done[e.Host]++
		}
	}
	return done
}

// TestSimulatedWithoutFixture: a program that has no fixture is refused by name.
func TestSimulatedWithoutFixture(t *testing.T) {
	dir, _ := simulated(t, 2)
	play := "step \"command\" \"odd\" {\n  on     = \"node01\"\n  argv   = [\"frobnicate\", \"--now\"]\n  always = true\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "play.hcl"), []byte(play), 0o644); err != nil {
		t.Fatal(err)
	}
	r := muster(t, dir, "apply", "--yes", "-i", "inventory.hcl", "play.hcl").want(t, 3)
	r.says(t, `simulated node node01: no fixture for the program ["frobnicate" "--now"]`)
}
