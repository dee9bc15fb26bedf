package integration

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// daemons are the services whose main process may not change without a listed
// change.
var daemons = []string{"munge.service", "mariadb.service", "slurmdbd.service", "slurmctld.service", "slurmd.service"}

// cluster is a lab with the arguments that every run on it has.
type cluster struct {
	*lab.Lab
	args []string // after the verb
}

func (c *cluster) run(t *testing.T, verb string, more ...string) result {
	t.Helper()
	args := append([]string{verb, "-i", c.Inventory()}, more...)
	return muster(t, c.Dir, append(args, c.args...)...)
}

// counts is one line of the table of states.
type counts struct {
	state                      string
	changes, unknowns, repairs int
}

func (c counts) String() string {
	return fmt.Sprintf("%-40s changes %3d  unknown %2d  repairs %2d", c.state, c.changes, c.unknowns, c.repairs)
}

// converge plans and applies the cluster in its present state and holds it to
// the promises: the plan touches nothing, its list is the apply's list, nothing
// differs on a node that the list does not explain, and a second apply changes
// nothing and restarts nothing.
func (c *cluster) converge(t *testing.T, state string, more ...string) counts {
	t.Helper()
	before := look(t, c.Lab)
	plan := c.run(t, "plan", append(more, "--json")...).want(t, 0)
	planned := changesOf(plan.events, event.PlanStep)
	c.untouched(t, state, before, look(t, c.Lab))

	apply := c.run(t, "apply", append(more, "--yes", "--json")...).want(t, 0)
	applied, repairs := split(changesOf(apply.events, event.StepResult))
	sameLists(t, state+": plan against the plan of the apply", planned, changesOf(apply.events, event.PlanStep))
	sameLists(t, state, planned, applied)

	after := look(t, c.Lab)
	all := append(slices.Clone(applied), repairs...)
	for host := range after {
		for _, u := range newJudge(host, all, before[host], after[host]).unexplained() {
			t.Errorf("%s: %s: no change in the list explains: %s", state, host, u)
		}
	}
	c.again(t, state, after, more...)
	return counts{state, len(applied), countUnknown(planned), len(repairs)}
}

// again applies once more: no change, and every daemon is the same process.
func (c *cluster) again(t *testing.T, state string, before map[string]snapshot, more ...string) {
	t.Helper()
	second := c.run(t, "apply", append(more, "--yes", "--json")...).want(t, 0)
	if list := changesOf(second.events, event.PlanStep); len(list) > 0 {
		t.Errorf("%s: the second apply has changes:\n%s", state, lines(list))
	}
	for host, s := range look(t, c.Lab) {
		for _, d := range daemons {
			if s.services[d] != before[host].services[d] {
				t.Errorf("%s: %s: %s is another process after the second apply: %q -> %q", state, host, d, before[host].services[d], s.services[d])
			}
		}
	}
}

// untouched compares two snapshots around a plan. Files that a running daemon
// writes by itself are left out; TestIdleStretch shows which those are.
func (c *cluster) untouched(t *testing.T, state string, before, after map[string]snapshot) {
	t.Helper()
	for host := range before {
		for _, d := range before[host].diff(after[host]) {
			if !ownWriting(d) {
				t.Errorf("%s: %s: the plan touched: %s", state, host, d)
			}
		}
	}
}

// ownWriting are differences that running daemons make by themselves, plan or
// not: the files of MariaDB and of slurmctld's saved state.
func ownWriting(diff string) bool {
	for _, p := range []string{"file /var/lib/mysql/", "file /var/lib/slurm/", "file /var/lib/systemd/", "service user@", "service systemd-hostnamed"} {
		if strings.HasPrefix(diff, p) {
			return true
		}
	}
	return false
}

// golden compares the table of states with the file, apart from the numbers of
// changes, which follow the package lists.
func golden(t *testing.T, path string, table []counts) {
	t.Helper()
	var text strings.Builder
	for _, c := range table {
		t.Log(c)
		fmt.Fprintf(&text, "%s: unknown %d, repairs %d\n", c.state, c.unknowns, c.repairs)
	}
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text.String() {
		t.Errorf("%s: unknowns and repairs differ\n--- want\n%s--- got\n%s", path, want, text.String())
	}
}
