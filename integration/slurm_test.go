package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// partition gives the value of -e for one more partition with a time limit.
func partition(limit string) string {
	return `partitions={ batch = "Nodes=ALL Default=YES", short = "Nodes=ALL MaxTime=` + limit + `" }`
}

// TestSlurmStates walks one cluster through the states that a cluster gets into,
// and holds every plan and apply to the promises of converge.
func TestSlurmStates(t *testing.T) {
	l := up(t, "states", "ctl01:slurm_controller", "node[01-03]:slurm_node")
	c := &cluster{l, []string{"slurm-cluster"}}
	var table []counts
	step := func(state string, more ...string) {
		t.Helper()
		table = append(table, c.converge(t, state, more...))
		if t.Failed() {
			t.FailNow() // what follows would only repeat it
		}
	}

	step("bare")
	useCluster(t, l, 3)

	// A job runs on the first three nodes while the fourth comes.
	job := on(t, l, "ctl01", `cd /tmp && sbatch --parsable -N3 -o /dev/null --wrap 'srun sleep 600'`)
	eventually(t, "the job runs", 30*time.Second, func() bool { return jobState(t, l, job) == "RUNNING" })
	if _, err := l.AddNode(t.Context(), lab.NodeSpec{Name: "node04", Groups: []string{"slurm_node"}}); err != nil {
		t.Fatal(err)
	}
	step("a fourth node")
	if got := jobState(t, l, job); got != "RUNNING" {
		t.Fatalf("the job on the first three nodes is %s", got)
	}
	on(t, l, "ctl01", "scancel "+job)
	eventually(t, "srun -N4 after the fourth node", 30*time.Second, func() bool {
		out, err := l.Exec(t.Context(), "ctl01", "timeout", "20", "srun", "-N4", "hostname")
		return err == nil && len(strings.Fields(out)) == 4
	})

	short := []string{"-e", partition("00:30:00")}
	plan := c.run(t, "plan", append(short, "--json")...).want(t, 0)
	if notes := notesOf(changesOf(plan.events, event.PlanStep), "slurmctld.service"); notes != "reload (slurm.conf)" {
		t.Errorf("a changed partition: the plan says %q for slurmctld", notes)
	}
	step("a changed partition", short...)

	on(t, l, "ctl01", `sed -i 's/^ReturnToService=.*/ReturnToService=0/' /etc/slurm/slurm.conf`)
	step("a config file edited by hand", short...)

	on(t, l, "node02", `apt-get purge -y slurmd >/dev/null 2>&1`)
	step("a package purged", short...)

	if err := l.Reboot(t.Context(), "node03"); err != nil {
		t.Fatal(err)
	}
	step("a rebooted node", short...)

	killBetween(t, c, append([]string{"-e", partition("00:45:00")}, "slurm-cluster")...)
	step("killed between slurm.conf and the reload", "-e", partition("00:45:00"))

	args := killedBeforeRestart(t, c, []string{"-e", partition("00:45:00")})
	plan = c.run(t, "plan", append(args, "--json")...).want(t, 0)
	if notes := notesOf(changesOf(plan.events, event.PlanStep), "slurmctld.service"); notes != "restart (slurm.conf)" {
		t.Errorf("killed between slurm.conf and the restart: the plan says %q for slurmctld", notes)
	}
	step("killed between slurm.conf and the restart", args...)
	useCluster(t, l, 4)
	golden(t, "testdata/slurm-states.golden", table)
}

// useCluster does what a user does: an interactive step on all nodes, and a batch
// job whose accounting record says that it completed.
func useCluster(t *testing.T, l *lab.Lab, nodes int) {
	t.Helper()
	eventually(t, fmt.Sprintf("srun -N%d", nodes), 60*time.Second, func() bool {
		out, err := l.Exec(t.Context(), "ctl01", "timeout", "30", "srun", fmt.Sprintf("-N%d", nodes), "hostname")
		return err == nil && len(strings.Fields(out)) == nodes
	})
	job := on(t, l, "ctl01", fmt.Sprintf(`cd /tmp && sbatch --parsable -N%d -o /dev/null --wrap 'srun hostname'`, nodes))
	eventually(t, "sacct COMPLETED", 60*time.Second, func() bool {
		out, err := l.Exec(t.Context(), "ctl01", "sacct", "-nPX", "-j", job, "-o", "state")
		return err == nil && strings.TrimSpace(out) == "COMPLETED"
	})
}

func jobState(t *testing.T, l *lab.Lab, job string) string {
	t.Helper()
	out, _ := l.Exec(t.Context(), "ctl01", "squeue", "-h", "-j", job, "-o", "%T")
	return strings.TrimSpace(out)
}

// notesOf joins the notes of the changes of one key.
func notesOf(list []listed, key string) string {
	var out []string
	for _, c := range list {
		if c.Key == key {
			out = append(out, c.Note)
		}
	}
	return strings.Join(out, "; ")
}
