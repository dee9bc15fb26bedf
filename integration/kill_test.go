package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killWhen starts an apply and kills it with SIGKILL, the controller and every
// agent of the lab, as soon as the condition holds.
func killWhen(t *testing.T, c *cluster, cond func() bool, args ...string) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"apply", "-i", c.Inventory(), "--yes", "--json"}, args...)...)
	cmd.Dir, cmd.Env = c.Dir, append(os.Environ(), "HOME="+c.Dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	limit := time.Now().Add(3 * time.Minute)
	for !cond() {
		select {
		case err := <-done:
			t.Fatalf("the apply ended (%v) before it could be killed\n%s", err, tail(out.String(), 4000))
		default:
		}
		if time.Now().After(limit) {
			cmd.Process.Kill()
			t.Fatalf("the moment to kill never came\n%s", tail(out.String(), 4000))
		}
	}
	for _, pid := range agentsOf(t, c) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	cmd.Process.Kill()
	<-done
}

// agentsOf lists the host pids of the agents that run in the lab's containers.
func agentsOf(t *testing.T, c *cluster) []int {
	t.Helper()
	var out []int
	for _, n := range c.Nodes {
		top, err := exec.Command("docker", "top", "muster-"+c.Name+"-"+n.Name, "-eo", "pid,args").Output()
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(top)) {
			var pid int
			if strings.Contains(line, "/var/lib/muster/agent/") && !strings.Contains(line, "sudo") {
				if _, err := fmt.Sscan(line, &pid); err == nil {
					out = append(out, pid)
				}
			}
		}
	}
	return out
}

// rootOf is a node's root directory as the host sees it.
func rootOf(t *testing.T, c *cluster, node string) string {
	t.Helper()
	out, err := exec.Command("docker", "inspect", "-f", "{{.State.Pid}}", "muster-"+c.Name+"-"+node).Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join("/proc", strings.TrimSpace(string(out)), "root")
}

// killBetween kills an apply after it has written slurm.conf and before slurmctld
// has taken it over: scontrol is made to hang, so that the moment lasts.
func killBetween(t *testing.T, c *cluster, args ...string) {
	t.Helper()
	on(t, c.Lab, "ctl01", `cp -p /usr/bin/scontrol /root/scontrol && printf '#!/bin/sh\n[ "$1" = reconfigure ] && sleep 60\nexec /root/scontrol "$@"\n' > /usr/bin/scontrol`)
	conf := filepath.Join(rootOf(t, c, "ctl01"), "etc/slurm/slurm.conf")
	killWhen(t, c, func() bool {
		text, err := os.ReadFile(conf)
		return err == nil && strings.Contains(string(text), "MaxTime=00:45:00")
	}, args...)
	on(t, c.Lab, "ctl01", `pkill -f '[s]control reconfigure' || true; cp -p /root/scontrol /usr/bin/scontrol && rm /root/scontrol`)
}

// killBeforeRestart kills an apply in the instant in which slurm.conf holds the
// text, before slurmctld is restarted, and says whether it came in time: the agent
// is killed by a pid that was looked up before, within microseconds of the write.
func killBeforeRestart(t *testing.T, c *cluster, text string, args ...string) bool {
	t.Helper()
	invocation := func() string {
		return on(t, c.Lab, "ctl01", "systemctl show -P InvocationID slurmctld")
	}
	before := invocation()
	conf := filepath.Join(rootOf(t, c, "ctl01"), "etc/slurm/slurm.conf")
	var agents []int
	killWhen(t, c, func() bool {
		if len(agents) < len(c.Nodes) { // the plan takes longer than this look
			agents = agentsOf(t, c)
			return false
		}
		now, err := os.ReadFile(conf)
		if err != nil || !bytes.Contains(now, []byte(text)) {
			return false
		}
		for _, pid := range agents {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		return true
	}, args...)
	return invocation() == before
}

// killedBeforeRestart tries values until a kill came in time, and returns the
// arguments of that apply.
func killedBeforeRestart(t *testing.T, c *cluster, base []string) []string {
	t.Helper()
	for try := range 8 {
		text := fmt.Sprintf("CommunicationParameters=NoAddrCache,host_unreach_retry_count=%d", try+1)
		key, value, _ := strings.Cut(text, "=")
		args := append(append([]string{}, base...), "-e", fmt.Sprintf("options={ %s = %q }", key, value))
		if killBeforeRestart(t, c, text, append(args, c.args...)...) {
			return args
		}
		c.run(t, "apply", append(args, "--yes", "--json")...).want(t, 0)
	}
	t.Fatal("no kill came between the write and the restart")
	return nil
}

// killed kills a muster with SIGKILL, and says whether it still ran.
func (p *process) killed(t *testing.T) bool {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.done
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		t.Fatal("no wait status")
	}
	return status.Signaled() && status.Signal() == syscall.SIGKILL
}
