package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"muster/playbooks/event"
)

// TestPlanHeld is about what a plan cannot do, and what a saved plan is held to.
func TestPlanHeld(t *testing.T) {
	l := up(t, "plan", "node[01-02]")
	t.Run("CannotWrite", func(t *testing.T) { planCannotWrite(t, newSite(t, l)) })
	t.Run("CannotRestart", func(t *testing.T) { planCannotRestart(t, newSite(t, l)) })
	t.Run("NothingListens", func(t *testing.T) { nothingListens(t, newSite(t, l)) })
	t.Run("Saved", func(t *testing.T) { savedPlan(t, newSite(t, l)) })
}

// planCannotWrite plans steps whose questions write, or try to.
func planCannotWrite(t *testing.T, s *site) {
	s.write(t, "play.hcl", `
step "command" "touch" {
  on     = "node01"
  argv   = ["true"]
  unless = ["touch", "/etc/canary"]
}
step "command" "shell" {
  on     = "node01"
  argv   = ["true"]
  unless = ["sh", "-c", "for d in /etc /usr /var /root /home /run /opt /srv /var/tmp /dev/shm /boot; do echo x >$d/canary; chmod 0777 $d; done; rm -f /etc/hostname; touch /tmp/canary"]
}
step "command" "remount" {
  on     = "node01"
  argv   = ["true"]
  unless = ["sh", "-c", "useradd canary; dpkg -r less; echo canary >/proc/sys/kernel/hostname; hostname canary; false"]
}`)
	s.write(t, "past.hcl", `
step "command" "past" {
  on     = "node01"
  argv   = ["true"]
  unless = ["sh", "-c", "mount -o remount,bind,rw / && touch /etc/canary; nsenter -t 1 -m touch /etc/canary; ip link add canary type dummy; pkill -u alice sleep; rm -rf /var/lib/muster/agent; touch /var/lib/muster/canary; true"]
}`)
	// A daemon of another user; ended in a plan, it would be gone from the list below.
	on(t, s.Lab, "node01", "setsid -f setpriv --reuid alice --clear-groups sleep 3600 >/dev/null 2>&1 </dev/null")
	before := look(t, s.Lab)
	asked := s.run(t, "plan", "--json", "play.hcl").want(t, 0)
	if n := len(changesOf(asked.events, event.PlanStep)); n != 2 { // the shell's last word is about its own /tmp
		t.Errorf("%d questions were answered with no, not 2: were they asked?", n)
	}
	s.run(t, "plan", "--json", "past.hcl").want(t, 0)
	if got := on(t, s.Lab, "node01", "pgrep -u alice -c sleep; ip -o link show canary 2>&1 | wc -l; ip -o link | grep -c canary || true"); got != "1\n1\n0" {
		t.Errorf("a program in a plan ended another user's process or made a network link: %q", got)
	}
	for host, after := range look(t, s.Lab) {
		for _, d := range before[host].diff(after) {
			if !ownWriting(d) {
				t.Errorf("%s: the plan touched: %s", host, d)
			}
		}
	}
	if got := on(t, s.Lab, "node01", "find / -xdev -name canary; ls /run/canary /dev/shm/canary /tmp/canary 2>/dev/null || true"); got != "" {
		t.Errorf("the plan wrote:\n%s", got)
	}
	if got := on(t, s.Lab, "node01", "hostname"); got != "node01" {
		t.Errorf("the plan renamed the node: %q", got)
	}
	// The same question, where writing is allowed, does write: the step is what it seems.
	on(t, s.Lab, "node01", "touch /etc/canary && rm /etc/canary")
}

// planCannotRestart asks questions that give systemd orders, past what a playbook
// may say openly.
func planCannotRestart(t *testing.T, s *site) {
	show := "systemctl show -p MainPID,ActiveState,ActiveEnterTimestampMonotonic,InvocationID,NRestarts cron.service ssh.service"
	on(t, s.Lab, "node01", `printf '[Service]\nExecStart=/bin/sleep 3600\n' >/etc/systemd/system/cron.service && systemctl daemon-reload && systemctl start cron`)
	before := on(t, s.Lab, "node01", show)
	s.write(t, "open.hcl", `
step "command" "open" {
  on     = "node01"
  argv   = ["true"]
  unless = ["sh", "-c", "systemctl restart cron"]
}`)
	s.run(t, "plan", "open.hcl").want(t, 1).says(t, "systemctl asks systemd", "open.hcl:5")
	s.write(t, "play.hcl", `
step "command" "hidden" {
  on     = "node01"
  argv   = ["true"]
  unless = ["sh", "-c", "c=ctl; system$c restart cron && exit 0; system$c --no-ask-password stop ssh && exit 0; b=bus; $${b}ctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager RestartUnit ss cron.service replace && exit 0; exit 1"]
}`)
	// One restart gets through: the answer is 0, and there would be nothing to do.
	plan := s.run(t, "plan", "--json", "play.hcl").want(t, 0)
	if n := len(changesOf(plan.events, event.PlanStep)); n != 1 {
		t.Errorf("%d changes planned: an order to systemd was carried out", n)
	}
	if after := on(t, s.Lab, "node01", show); after != before {
		t.Errorf("units before and after the plan:\n%s\n--\n%s", before, after)
	}
	// A service step still knows the unit.
	s.write(t, "service.hcl", `
step "service" "cron" {
  on   = "node01"
  name = "cron"
}`)
	r := s.apply(t, 0, "service.hcl")
	if list := changesOf(r.events, event.PlanStep); len(list) > 0 {
		t.Errorf("a running unit is planned to change:\n%s", lines(list))
	}
}

// savedPlan: what was reviewed is applied, or nothing.
func savedPlan(t *testing.T, s *site) {
	s.write(t, "play.hcl", `
step "file" "conf" {
  on      = "all"
  path    = "/etc/site.conf"
  content = "level = 1\n"
}`)
	for _, n := range s.Nodes {
		on(t, s.Lab, n.Name, "echo level = 0 >/etc/site.conf")
	}
	plan := s.run(t, "plan", "--out", "saved", "play.hcl").want(t, 0)
	id := planID(t, plan.stdout)
	s.apply(t, 5, "saved", "--expect", "0000")
	if got := on(t, s.Lab, "node01", "cat /etc/site.conf"); got != "level = 0" {
		t.Fatalf("a plan with another id was applied: %q", got)
	}

	on(t, s.Lab, "node02", "echo by hand >>/etc/site.conf; chmod 600 /etc/site.conf")
	r := s.run(t, "apply", "saved", "--expect", id).want(t, 5)
	r.says(t, "file[conf]@node02", "plan: ", "now: ", "mode", "Nothing was changed")
	if strings.Contains(r.stdout, "file[conf]@node01\n  plan") {
		t.Error("node01 has not moved, and is told to have")
	}
	if got := on(t, s.Lab, "node01", "cat /etc/site.conf"); got != "level = 0" {
		t.Errorf("node01 was written although node02 had moved: %q", got)
	}

	on(t, s.Lab, "node02", "echo level = 0 >/etc/site.conf; chmod 644 /etc/site.conf")
	s.apply(t, 0, "saved", "--expect", id)
	for _, n := range s.Nodes {
		if got := on(t, s.Lab, n.Name, "cat /etc/site.conf"); got != "level = 1" {
			t.Errorf("%s: %q", n.Name, got)
		}
	}
	s.apply(t, 5, "saved") // it has been applied: there is nothing of it left

	// One of two nodes is away: the other one gets what was reviewed.
	for _, n := range s.Nodes {
		on(t, s.Lab, n.Name, "echo level = 0 >/etc/site.conf")
	}
	s.run(t, "plan", "--out", "saved", "play.hcl").want(t, 0)
	if err := s.Kill(t.Context(), "node02"); err != nil {
		t.Fatal(err)
	}
	s.apply(t, 4, "saved")
	if got := on(t, s.Lab, "node01", "cat /etc/site.conf"); got != "level = 1" {
		t.Errorf("node01 with node02 away: %q", got)
	}
	if err := s.Start(t.Context(), "node02"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the same plan finishes node02", 30*time.Second, func() bool {
		return s.run(t, "apply", "--yes", "--json", "play.hcl").exit == 0
	})
	if got := on(t, s.Lab, "node02", "cat /etc/site.conf"); got != "level = 1" {
		t.Errorf("node02: %q", got)
	}
}

// planID is the id in the line that a saved plan ends with.
func planID(t *testing.T, text string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "--expect ")
	if !ok {
		t.Fatalf("no plan id was printed:\n%s", text)
	}
	return strings.Fields(rest)[0]
}

// nothingListens looks for sockets that wait for somebody, on a node and in muster,
// while a step runs.
func nothingListens(t *testing.T, s *site) {
	s.write(t, "play.hcl", `
step "command" "slow" {
  on      = "node01"
  argv    = ["sh", "-c", "until test -e /root/go; do sleep 0.1; done"]
  always  = true
}`)
	const waiting = `awk '$4 == "0A" { print FILENAME, $2 } FILENAME ~ /unix/ && $4 == "00010000" { print FILENAME, $7, $8 }' /proc/net/tcp /proc/net/tcp6 /proc/net/unix | sort`
	before := on(t, s.Lab, "node01", "rm -f /root/go; "+waiting)
	if !strings.Contains(before, ":0016") {
		t.Fatalf("sshd is not among what waits: %q", before)
	}
	p := s.start(t, "apply", "--yes", "--json", "play.hcl")
	p.started(t, "command[slow]@node01")
	if during := on(t, s.Lab, "node01", waiting); during != before {
		t.Errorf("sockets that wait for somebody on the node, before and during an apply:\n%s\n--\n%s", before, during)
	}
	for _, socket := range listening(t, p.cmd.Process.Pid) {
		t.Errorf("muster listens: %s", socket)
	}
	on(t, s.Lab, "node01", "touch /root/go")
	if r := p.wait(t, time.Minute); r.exit != 0 {
		t.Errorf("exit %d: %s", r.exit, r.stderr)
	}
}

// listening are the sockets of a process on which it waits for connections.
func listening(t *testing.T, pid int) (out []string) {
	t.Helper()
	open := map[string]bool{}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil || len(fds) < 3 {
		t.Fatalf("open files of %d: %d, %v", pid, len(fds), err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name())); err == nil {
			open[to] = true
		}
	}
	for _, list := range []string{"tcp", "tcp6", "unix"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, list))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			inode, waits := 9, len(f) > 9 && f[3] == "0A"
			if list == "unix" {
				inode, waits = 6, len(f) > 6 && f[3] == "00010000"
			}
			if waits && open["socket:["+f[inode]+"]"] {
				out = append(out, list+" "+line)
			}
		}
	}
	return out
}
