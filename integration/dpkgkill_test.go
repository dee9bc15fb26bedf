package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledWhileUnpacking takes the power away in the midst of dpkg's unpacking:
// controller, agents and the installation die at once. Then the cluster has to
// converge as from any other state.
func TestKilledWhileUnpacking(t *testing.T) {
	long(t)
	t.Parallel()
	c := &cluster{up(t, "dpkg", "ctl01:slurm_controller", "node01:slurm_node"), []string{"slurm-cluster"}}
	root, containers := rootOf(t, c, "ctl01"), c.containers(t)
	killWhen(t, c, func() bool {
		if !unpacking(root, "mariadb-server") {
			time.Sleep(time.Millisecond)
			return false
		}
		powerCut(t, containers)
		return true
	}, "slurm-cluster")
	audit := on(t, c.Lab, "ctl01", "dpkg --audit")
	t.Logf("dpkg --audit after the cut:\n%s", audit)
	if !strings.Contains(audit, "mariadb-server") {
		t.Fatal("the cut has not hit the unpacking: dpkg has nothing to complain about")
	}
	table := []counts{c.converge(t, "killed during dpkg's unpacking")}
	useCluster(t, c.Lab, 1)
	golden(t, "testdata/killed-unpacking.golden", table)
}

// unpacking says whether dpkg, in a node whose root directory this is, has
// begun with the package and has not configured it. dpkg notes it first in a
// small file of its own.
func unpacking(root, name string) bool {
	notes, _ := filepath.Glob(filepath.Join(root, "var/lib/dpkg/updates/[0-9]*"))
	for _, note := range notes {
		text, err := os.ReadFile(note)
		if err != nil {
			continue // merged meanwhile
		}
		for stanza := range strings.SplitSeq(string(text), "\n\n") {
			if strings.HasPrefix(stanza, "Package: "+name+"\n") && (strings.Contains(stanza, " half-installed\n") || strings.Contains(stanza, " unpacked\n")) {
				return true
			}
		}
	}
	return false
}

// containers are the ids of the lab's containers.
func (c *cluster) containers(t *testing.T) []string {
	t.Helper()
	args := []string{"inspect", "-f", "{{.Id}}"}
	for _, n := range c.Nodes {
		args = append(args, "muster-"+c.Name+"-"+n.Name)
	}
	out, err := exec.Command("docker", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// powerCut kills the agents in the containers and every process of the jobs that
// they have started, until none is left.
func powerCut(t *testing.T, containers []string) {
	t.Helper()
	eventually(t, "no process is left of agents and jobs", 10*time.Second, func() bool {
		agents, jobs := musterProcesses(containers)
		pids := append(agents, jobs...)
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		return len(pids) == 0
	})
}

// musterProcesses lists the host's pids of agents, and of units named muster-…, in
// the containers.
func musterProcesses(containers []string) (agents, jobs []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		groups, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		if err != nil || !slices.ContainsFunc(containers, func(id string) bool { return strings.Contains(string(groups), id) }) {
			continue
		}
		args, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		agent := strings.HasPrefix(string(args), "/var/lib/muster/agent/")
		if !agent && !strings.Contains(string(groups), "/system.slice/muster-") {
			continue
		}
		status, _ := os.ReadFile(filepath.Join(dir, "stat"))
		if _, after, ok := strings.Cut(string(status), ") "); !ok || strings.HasPrefix(after, "Z") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		switch {
		case err != nil:
		case agent:
			agents = append(agents, pid)
		default:
			jobs = append(jobs, pid)
		}
	}
	return agents, jobs
}
