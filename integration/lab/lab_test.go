package lab_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
)

func TestNodesAreMachines(t *testing.T) {
	ctx := testContext(t)
	l := upLab(ctx, t, labName("machines"), "ctl01:slurm_controller", "node01:slurm_node")
	for _, node := range l.Nodes {
		if got := ssh(t, l, "admin", node.Address, "hostname; systemctl is-system-running; sudo -n id -u"); got != node.Name+"\nrunning\n0" {
			t.Errorf("%s says %q", node.Name, got)
		}
	}
	node, _ := l.Node("node01")
	t.Run("sudo with a password", func(t *testing.T) { sudoPassword(t, l, node) })
	t.Run("etc files can be replaced", func(t *testing.T) {
		ssh(t, l, "root", node.Address, `cp /etc/hosts /etc/hosts.new && echo 192.0.2.1 far >>/etc/hosts.new && mv /etc/hosts.new /etc/hosts`)
	})
	t.Run("reboot", func(t *testing.T) {
		before, err := l.BootID(ctx, "node01")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Reboot(ctx, "node01"); err != nil {
			t.Fatal(err)
		}
		got := ssh(t, l, "admin", node.Address, "cat /proc/sys/kernel/random/boot_id; tail -n 1 /etc/hosts")
		after, hosts, _ := strings.Cut(got, "\n")
		if after == before || len(after) != len(before) || hosts != "192.0.2.1 far" {
			t.Errorf("boot id %s then %s, last line of /etc/hosts %q", before, after, hosts)
		}
	})
	t.Run("add a node", func(t *testing.T) { addNode(ctx, t, l) })
	t.Run("faults", func(t *testing.T) { faults(ctx, t, l, node) })
}

func sudoPassword(t *testing.T, l *lab.Lab, node lab.Node) {
	password, err := os.ReadFile(filepath.Join(l.Dir, lab.FilePassword))
	if err != nil {
		t.Fatal(err)
	}
	if got := ssh(t, l, "pwadmin", node.Address, "sudo -n true 2>&1 || echo asked"); !strings.HasSuffix(got, "asked") {
		t.Errorf("sudo without a password: %q", got)
	}
	if got := ssh(t, l, "pwadmin", node.Address, "echo "+string(password)+" | sudo -S -p '' id -u"); got != "0" {
		t.Errorf("sudo with the password: %q", got)
	}
}

func addNode(ctx context.Context, t *testing.T, l *lab.Lab) {
	added, err := l.AddNode(ctx, lab.NodeSpec{Name: "node02", Groups: []string{"slurm_node"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := ssh(t, l, "admin", added.Address, "hostname"); got != "node02" {
		t.Errorf("the new node says %q", got)
	}
	text, err := os.ReadFile(l.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ctl01", "node01", "node02"} {
		if !strings.Contains(string(text), `host "`+name+`"`) {
			t.Errorf("%s is not in the inventory:\n%s", name, text)
		}
	}
}

func faults(ctx context.Context, t *testing.T, l *lab.Lab, node lab.Node) {
	steps := []struct {
		name  string
		do    func(context.Context, string) error
		state string
		alive bool
	}{
		{"stop", l.Stop, "exited", false},
		{"start", l.Start, "running", true},
		{"pause", l.Pause, "paused", false},
		{"unpause", l.Unpause, "running", true},
		{"cut", l.Cut, "running", false},
		{"rejoin", l.Rejoin, "running", true},
		{"kill", l.Kill, "exited", false},
		{"restart", l.Restart, "running", true},
	}
	for _, step := range steps {
		if err := step.do(ctx, node.Name); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		list, err := lab.Status(ctx, l.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range list {
			if status.Name == node.Name && status.State != step.state {
				t.Errorf("after %s the node is %s", step.name, status.State)
			}
		}
		if alive := lab.ReadBanner(ctx, node.Address); alive != step.alive {
			t.Errorf("after %s sshd answers: %v", step.name, alive)
		}
	}
}

func TestDownLeavesNothing(t *testing.T) {
	ctx := testContext(t)
	needDocker(t)
	dir := filepath.Join(t.TempDir(), "lab")
	o := lab.Options{Name: labName("down"), Nodes: []lab.NodeSpec{{Name: "n1"}}, Dir: dir}
	t.Cleanup(func() { _ = lab.Down(context.Background(), o.Name, dir, nil) }) // only after a failure below
	l, err := lab.Up(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if left := strings.Fields(leftovers(t, o.Name)); len(left) != 5 {
		t.Errorf("one node is a container, a network and three volumes, found %q", left)
	}
	again, err := lab.Up(ctx, o)
	if err != nil || again.Nodes[0].Address != l.Nodes[0].Address {
		t.Errorf("a second up of the same lab: %v", err)
	}
	other := o
	other.Nodes = []lab.NodeSpec{{Name: "n[1-2]"}}
	if _, err := lab.Up(ctx, other); err == nil || !strings.Contains(err.Error(), "muster lab down --name "+o.Name) {
		t.Errorf("an up with other nodes says %v", err)
	}
	for range 2 { // the second finds nothing and is content
		if err := lab.Down(ctx, o.Name, dir, nil); err != nil {
			t.Fatal(err)
		}
		if left := leftovers(t, o.Name); left != "" {
			t.Errorf("left in Docker: %s", left)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the lab's folder: %v", err)
	}
}

func TestInterruptedUpLeavesNothing(t *testing.T) {
	needDocker(t)
	for _, mark := range []string{"starting", "raised"} {
		dir := filepath.Join(t.TempDir(), "lab")
		ctx, cancel := context.WithCancel(testContext(t))
		stop := func(line string) {
			if strings.Contains(line, mark) || strings.Contains(line, "starting") {
				time.AfterFunc(700*time.Millisecond, cancel)
			}
		}
		_, err := lab.Up(ctx, lab.Options{Name: labName("cut"), Nodes: []lab.NodeSpec{{Name: "n[1-3]"}}, Dir: dir, Log: stop})
		cancel()
		if err == nil {
			t.Error("an interrupted up succeeded")
		}
		if left := leftovers(t, labName("cut")); left != "" {
			t.Errorf("left in Docker: %s", left)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("the lab's folder: %v", err)
		}
	}
}

func TestTwoLabsSideBySide(t *testing.T) {
	ctx := testContext(t)
	one := upLab(ctx, t, labName("one"), "node01")
	two := upLab(ctx, t, labName("two"), "node01")
	a, b := one.Nodes[0].Address, two.Nodes[0].Address
	if a == b || one.Inventory() == two.Inventory() {
		t.Fatalf("both labs have %s", a)
	}
	if err := lab.Down(ctx, one.Name, "", nil); err != nil {
		t.Fatal(err)
	}
	if got := ssh(t, two, "admin", b, "hostname"); got != "node01" {
		t.Errorf("the second lab's node says %q", got)
	}
}

// killedEnv makes the test binary a lab maker that TestKilledUp kills; it holds the
// folder, which is called like the lab.
const killedEnv = "LAB_TEST_UP_IN"

func TestKilledUp(t *testing.T) {
	name := labName("killed")
	if dir := os.Getenv(killedEnv); dir != "" {
		name = filepath.Base(dir)
		_, err := lab.Up(context.Background(), lab.Options{Name: name, Nodes: []lab.NodeSpec{{Name: "n[1-4]"}}, Dir: dir})
		t.Fatalf("not killed in time: %v", err)
	}
	needDocker(t)
	ctx, dir := testContext(t), filepath.Join(t.TempDir(), name)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledUp$")
	cmd.Env = append(os.Environ(), killedEnv+"="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for leftovers(t, name) == "" && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
	}
	if err := lab.Down(ctx, name, dir, nil); err == nil || !strings.Contains(err.Error(), "another muster") {
		t.Errorf("a down beside an up says %v", err)
	}
	if err := errors.Join(cmd.Process.Kill(), ignoreExit(cmd.Wait())); err != nil {
		t.Fatal(err)
	}
	if err := lab.Down(ctx, name, dir, nil); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, name); left != "" {
		t.Errorf("left in Docker: %s", left)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the lab's folder: %v", err)
	}
}
