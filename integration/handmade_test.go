package integration

import (
	"strings"
	"sync"
	"testing"
)

// byHand are the packages that somebody installs on a node of the small lab.
var byHand = map[string]string{
	"ctl01":  "munge mariadb-server slurmdbd slurmctld slurm-client",
	"node01": "munge slurmd slurm-client",
}

// TestPackagesByHand converges nodes on which a person has installed the
// packages, with daemons that run on what their packages brought, and with all
// of them stopped.
func TestPackagesByHand(t *testing.T) {
	long(t)
	t.Parallel()
	c := &cluster{up(t, "hand", "ctl01:slurm_controller", "node01:slurm_node"), []string{"slurm-cluster"}}
	var table []counts
	c.installByHand(t)
	for node, script := range map[string]string{
		"ctl01":  "systemctl stop slurmctld slurmdbd mariadb munge",
		"node01": "systemctl stop slurmd munge",
	} {
		on(t, c.Lab, node, script)
	}
	table = append(table, c.converge(t, "packages by hand, daemons stopped"))
	useCluster(t, c.Lab, 1)
	golden(t, "testdata/packages-stopped.golden", table)
}

// TestPackagesStartedByHand is the same with the daemons as they came up.
func TestPackagesStartedByHand(t *testing.T) {
	long(t)
	t.Parallel()
	c := &cluster{up(t, "started", "ctl01:slurm_controller", "node01:slurm_node"), []string{"slurm-cluster"}}
	c.installByHand(t)
	for node, want := range map[string]string{"ctl01": "munge mariadb", "node01": "munge"} {
		on(t, c.Lab, node, "systemctl is-active "+want)
	}
	table := []counts{c.converge(t, "packages by hand, daemons started")}
	useCluster(t, c.Lab, 1)
	golden(t, "testdata/packages-started.golden", table)
}

// installByHand does what a person does: apt-get install, daemons start as their
// packages start them.
func (c *cluster) installByHand(t *testing.T) {
	t.Helper()
	var wg sync.WaitGroup
	for _, n := range c.Nodes {
		wg.Go(func() {
			out, err := c.Exec(t.Context(), n.Name, "sh", "-c",
				"export DEBIAN_FRONTEND=noninteractive; apt-get update -q 2>&1 && apt-get install -yq --no-install-recommends "+byHand[n.Name]+" 2>&1")
			if err != nil {
				t.Errorf("%s: apt-get install: %v\n%s", n.Name, err, tail(out, 3000))
			}
		})
	}
	wg.Wait()
	for _, n := range c.Nodes {
		for p := range strings.FieldsSeq(byHand[n.Name]) {
			on(t, c.Lab, n.Name, "dpkg-query -W "+p)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
