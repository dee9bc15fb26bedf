package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/playbooks/event"
)

// adopt makes the cluster one that muster has never seen: its folders on the
// nodes and beside the inventory are gone, every daemon has been started by
// hand, and munge's key and the database's password come from files. Then
// nothing is to be done, while a job runs, and what is changed later is known
// for what it is.
func adopt(t *testing.T, c *cluster) {
	same := []string{"-e", partition("00:20:00")} // as the cluster has been left
	c.forget(t)
	job := on(t, c.Lab, "ctl01", `cd /tmp && sbatch --parsable -N3 -p short -t 15 -o /dev/null --wrap 'srun sleep 800'`)
	runs := func() bool { return jobState(t, c.Lab, job) == "RUNNING" }
	eventually(t, "the job runs", 60*time.Second, runs)
	before := look(t, c.Lab)

	c.noChanges(t, "plan", same...)
	c.noChanges(t, "apply", same...)
	c.sameDaemons(t, before)
	c.noChanges(t, "plan", same...)

	changed := []string{"-e", partition("00:25:00")}
	c.planSays(t, changed, map[string]string{"slurmctld.service@ctl01": "reload (slurm.conf)"})
	t.Log(c.converge(t, "adopted, a changed partition", changed...))

	restart := append(slices.Clone(changed), "-e", `options={ CommunicationParameters = "NoAddrCache" }`)
	restarts := map[string]string{
		"slurmctld.service@ctl01": "restart (slurm.conf)",
		"slurmd.service@node01":   "restart (cluster settings)",
		"slurmd.service@node02":   "restart (cluster settings)",
		"slurmd.service@node03":   "restart (cluster settings)",
	}
	c.planSays(t, restart, restarts)
	t.Log(c.converge(t, "adopted, a setting that needs restarts", restart...))
	// What slurmctld runs with is also known of one that muster has not started.
	on(t, c.Lab, "ctl01", "rm -r /var/lib/muster/units")
	c.planSays(t, changed, restarts)
	if !runs() {
		t.Errorf("the job of before is %q", jobState(t, c.Lab, job))
	}
	on(t, c.Lab, "ctl01", "scancel "+job)
}

// planSays fails unless the units of a plan are these, with these words; no unit
// else may change.
func (c *cluster) planSays(t *testing.T, args []string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	plan := c.run(t, "plan", append(slices.Clone(args), "--json")...).want(t, 0)
	for _, l := range changesOf(plan.events, event.PlanStep) {
		if l.Table == "unit" {
			got[l.Key+"@"+l.host] = l.Note
		}
	}
	for _, k := range differing(got, want) {
		t.Errorf("%s: the plan says %q, want %q", k, got[k], want[k])
	}
}

// sameDaemons fails where a daemon is another process than in the snapshot.
func (c *cluster) sameDaemons(t *testing.T, before map[string]snapshot) {
	t.Helper()
	for host, s := range look(t, c.Lab) {
		for _, d := range daemons {
			if s.services[d] != before[host].services[d] {
				t.Errorf("%s: %s is another process: %q -> %q", host, d, before[host].services[d], s.services[d])
			}
		}
	}
}

// forget removes all that muster knows of the cluster and leaves what a person
// has who set it up: files, running daemons, and the two secrets.
func (c *cluster) forget(t *testing.T) {
	t.Helper()
	secrets := map[string]string{
		"munge_key":         on(t, c.Lab, "ctl01", "base64 -w0 /etc/munge/munge.key"),
		"slurm_db_password": on(t, c.Lab, "ctl01", "sed -n 's/^StoragePass=//p' /etc/slurm/slurmdbd.conf | tr -d '\n' | base64 -w0"),
	}
	text, err := os.ReadFile(c.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	inventory := string(text)
	for name, value := range secrets {
		write(t, filepath.Join(c.Dir, name+".base64"), value)
		block := regexp.MustCompile(`(?s)secret "` + name + `" \{.*?\n\}`)
		inventory = block.ReplaceAllString(inventory, "secret \""+name+"\" {\n  file     = \""+name+".base64\"\n  encoding = \"base64\"\n}")
	}
	if strings.Contains(inventory, "generate") {
		t.Fatalf("a secret is still generated:\n%s", inventory)
	}
	write(t, c.Inventory(), inventory)
	for _, d := range []string{".muster", ".config", ".cache"} {
		if err := os.RemoveAll(filepath.Join(c.Dir, d)); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range c.Nodes {
		on(t, c.Lab, n.Name, "rm -rf /var/lib/muster /home/*/.cache/muster /root/.cache/muster")
	}
	// The order of their needs; every daemon then is younger than its files.
	on(t, c.Lab, "ctl01", "systemctl restart munge mariadb && systemctl restart slurmdbd && systemctl restart slurmctld")
	for _, n := range c.Nodes[1:] {
		on(t, c.Lab, n.Name, "systemctl restart munge slurmd")
	}
}
