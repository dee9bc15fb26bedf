package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/playbooks/event"
)

// disk is a small file system on the site's state folder, in a mount namespace of its
// own, which ends with the test.
type disk struct {
	s   *site
	pid string
}

func newDisk(t *testing.T, s *site, size string) *disk {
	t.Helper()
	state := filepath.Join(s.dir, ".muster")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	argv := []string{"--mount", "sh", "-c", `mount -t tmpfs -o "size=$1" tmpfs "$2" && echo mounted && exec cat`, "sh", size, state}
	if os.Getuid() != 0 { // who is not root may mount in a user namespace
		argv = append([]string{"--map-root-user"}, argv...)
	}
	holder := exec.Command("unshare", argv...)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out output
	holder.Stdout, holder.Stderr = &out, &out
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = holder.Wait()
	})
	eventually(t, "the disk is mounted", 10*time.Second, func() bool { return strings.Contains(out.String(), "mounted") })
	return &disk{s, fmt.Sprint(holder.Process.Pid)}
}

// inside is a command that runs where the disk is. The folder is entered there: one
// that was entered before is the folder below the disk.
func (d *disk) inside(argv ...string) []string {
	enter := []string{"nsenter", "--mount", "--target", d.pid}
	if os.Getuid() != 0 {
		enter = append(enter, "--user", "--preserve-credentials")
	}
	return slices.Concat(enter, []string{"sh", "-c", `cd "$1" && shift && exec "$@"`, "sh", d.s.dir}, argv)
}

// fill leaves no room on the disk. It writes no more than a small disk holds, whatever
// is mounted.
func (d *disk) fill(t *testing.T) {
	t.Helper()
	d.sh(t, "mountpoint -q .muster && { head -c 2000000 /dev/zero >.muster/fill 2>/dev/null; true; }")
	if free := d.sh(t, "df -k --output=avail .muster | tail -1"); free != "0" {
		t.Fatalf("the disk has %s KiB left", free)
	}
}

func (d *disk) sh(t *testing.T, script string) string {
	t.Helper()
	argv := d.inside("sh", "-c", script)
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v %s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (d *disk) start(t *testing.T, args ...string) *process {
	t.Helper()
	return launch(t, d.s.dir, "", nil, d.inside(append([]string{binary}, args...)...)...)
}

// TestFaultController: what is wrong is on this side.
func TestFaultController(t *testing.T) {
	t.Run("OpenFiles", openFiles)
	l := up(t, "ctl", "node[01-02]")
	t.Run("DiskFull", func(t *testing.T) { controllerDiskFull(t, newSite(t, l)) })
	t.Run("DiskFullBefore", func(t *testing.T) { controllerDiskFullBefore(t, newSite(t, l)) })
}

// manyBehind is a slow step and so many steps behind it that their journal does not
// fit into what is left of a page.
const manyBehind = slow + `
step "file" "many" {
  on       = "node01"
  for_each = [for i in range(40) : "n${i}"]
  after    = [step.command.slow]
  path     = "/root/slow.many.${each.key}"
  content  = "done\n"
}
`

// controllerDiskFull: the disk fills while a step runs. The step ends, nothing starts
// that the journal does not hold, and with space again resume does the rest.
func controllerDiskFull(t *testing.T, s *site) {
	d := newDisk(t, s, "1m")
	s.write(t, "play.hcl", manyBehind)
	p := d.start(t, "apply", "--yes", "play.hcl")
	p.makes(t, s, "node01", "/root/slow.runs")
	d.fill(t)
	if has(t, s.Lab, "node01", "/root/slow.done") {
		t.Fatal("the step was over already: nothing was shown")
	}
	r := p.wait(t, time.Minute).want(t, 9)
	r.says(t, "journal: write ", "no space left on device", "Stopped: ", "not started", "Go on with: muster resume")
	if !has(t, s.Lab, "node01", "/root/slow.done") {
		t.Error("the step that ran was not let end")
	}
	done, err1 := strconv.Atoi(on(t, s.Lab, "node01", "ls -A /root | grep -c slow.many || true"))
	begun, err2 := strconv.Atoi(d.sh(t, `cat .muster/site/runs/*/journal.jsonl | grep -c '"step_start".*file\[many' || true`))
	if err1 != nil || err2 != nil || done == 40 || done > begun {
		t.Errorf("%d of the 40 steps behind are done, the journal knows of %d (%v %v)", done, begun, err1, err2)
	}
	if got := on(t, s.Lab, "node01", "find /root -name '.*muster~' | grep -c . || true"); got != "0" {
		t.Errorf("%s half-written files on the node", got)
	}
	s.noAgents(t, 40*time.Second)
	resume := append(resumeOf(t, r), "--yes")
	d.start(t, resume...).wait(t, time.Minute).want(t, 9) // as long as it is full
	d.sh(t, "rm .muster/fill")
	d.start(t, resume...).wait(t, time.Minute).want(t, 0)
	s.ranOnce(t)
	if got := on(t, s.Lab, "node01", "ls -A /root | grep -c slow.many"); got != "40" {
		t.Errorf("after the resume, %s of 40 are done", got)
	}
	again := d.start(t, "apply", "--yes", "--json", "play.hcl").wait(t, time.Minute).want(t, 0)
	if sum := again.summary(t); sum.Changes != 0 {
		t.Errorf("a further apply has %d changes", sum.Changes)
	}
}

// controllerDiskFullBefore: without a journal nothing begins.
func controllerDiskFullBefore(t *testing.T, s *site) {
	everywhere(t, s.Lab, forgetSlow)
	d := newDisk(t, s, "64k")
	d.fill(t)
	s.write(t, "play.hcl", slow)
	r := d.start(t, "apply", "--yes", "--json", "play.hcl").wait(t, time.Minute).want(t, 9)
	r.says(t, "no space left on device", filepath.Join(s.dir, ".muster"))
	for _, e := range r.events {
		if e.Kind == event.StepStart {
			t.Errorf("%s was started", e.Name())
		}
	}
	if has(t, s.Lab, "node01", "/root/slow.runs") || has(t, s.Lab, "node02", "/root/beside") {
		t.Error("something was done without a journal")
	}
	d.sh(t, "rm .muster/fill")
	d.start(t, "apply", "--yes", "play.hcl").wait(t, time.Minute).want(t, 0)
	s.ranOnce(t)
}

// openFiles: a limit that is too low for the nodes is told before one is dialled, and
// not as a hundred unreachable nodes; a soft limit is raised.
func openFiles(t *testing.T) {
	dir, _ := simulated(t, 100)
	write(t, filepath.Join(dir, "play.hcl"), "step \"file\" \"work\" {\n on = \"all\"\n path = \"/root/work\"\n content = \"done\\n\"\n}\n")
	limited := func(limit string, more ...string) result {
		argv := append([]string{"sh", "-c", "ulimit " + limit + ` && exec "$@"`, "sh", binary, "apply", "--yes", "--json"}, more...)
		return launch(t, dir, "", nil, append(argv, "play.hcl")...).wait(t, time.Minute)
	}
	r := limited("-n 64").want(t, 7).says(t, "open files: 100 hosts need 228", "may have 64", "ulimit -n 228", "-l")
	for _, e := range r.events {
		if e.Kind == event.NodeState {
			t.Errorf("%s was dialled", e.Host)
		}
	}
	limited("-n 160", "-l", "node[01-40]").want(t, 0)
	if sum := limited("-Sn 64").want(t, 0).summary(t); sum.Changed != 60 {
		t.Errorf("under a soft limit: %+v", sum)
	}
}
