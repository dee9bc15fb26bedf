package linux

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/modules/machine"
)

// These tests change the machine that they run on. The integration suite copies
// the compiled test into a fresh Debian node with systemd and runs it there with
// MUSTER_ON_NODE=1, in the order of the file.

func node(t *testing.T) (*Store, context.Context) {
	t.Helper()
	if os.Getenv("MUSTER_ON_NODE") != "1" {
		t.Skip("changes the machine: runs in a node of the lab, with MUSTER_ON_NODE=1")
	}
	s, err := New(Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	t.Cleanup(cancel)
	return s, WithVertex(ctx, Vertex{Run: "test", Name: t.Name() + "@node", Output: func(text string) { t.Log(text) }})
}

func get(t *testing.T, ctx context.Context, s *Store, table, key string, fields ...string) machine.State {
	t.Helper()
	state, err := s.Get(ctx, nil, machine.Ref{Table: table, Key: key}, fields)
	if err != nil {
		t.Fatalf("get %s[%s]: %v", table, key, err)
	}
	return state
}

// set compares and writes as the live machine does.
func set(t *testing.T, ctx context.Context, s *Store, it machine.Item) error {
	t.Helper()
	was := get(t, ctx, s, it.Ref.Table, it.Ref.Key, it.Want.Fields()...)
	if _, _, differs := machine.Diff(was, it.Want); !differs {
		return nil
	}
	return s.Put(ctx, it.Ref.Table, []machine.Item{it}, []machine.State{was})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderrOf(err))
	}
}

func stderrOf(err error) string {
	if e, ok := err.(*machine.Error); ok {
		return strings.Join(e.Command, " ") + "\n" + e.Stderr
	}
	return ""
}

func item(table, key string, kv ...string) machine.Item {
	want := machine.State{}
	for i := 0; i < len(kv); i += 2 {
		want[kv[i]] = machine.Text(kv[i+1])
	}
	return machine.Item{Ref: machine.Ref{Table: table, Key: key}, Want: want}
}

func gone(table, key string) machine.Item {
	return machine.Item{Ref: machine.Ref{Table: table, Key: key}}
}

func sh(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("bash", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestNodeReadOnly(t *testing.T) {
	s, ctx := node(t)
	err := s.ReadOnly(func() error {
		for _, path := range []string{"/etc/x", "/usr/x", "/run/x", "/var/lib/x", "/var/cache/apt/x", "/dev/shm/x", "/root/x", Dir + "/x"} {
			if err := os.WriteFile(path, nil, 0o600); err == nil {
				t.Errorf("%s could be written", path)
			}
		}
		for _, path := range []string{"/tmp/x", Dir + "/apt/x", "/dev/null"} {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if out, err := exec.Command("sh", "-c", "echo x >/etc/y").CombinedOutput(); err == nil {
			t.Errorf("a child wrote to /etc: %s", out)
		}
		v := get(t, ctx, s, "package_candidate", "hello").Get("version").S
		if v == "" {
			t.Error("no candidate for hello")
		}
		if n := get(t, ctx, s, "package_candidate", "no-such-package"); n != nil {
			t.Errorf("a candidate for no-such-package: %v", n)
		}
		sim, err := s.Exec(ctx, machine.Run{Argv: slices.Concat([]string{"apt-get"},
			s.packages.(*apt).options(), []string{"-s", "install", "hello=" + v})}, true)
		if err != nil || !strings.Contains(sim.Stdout, "Inst hello") {
			t.Errorf("apt-get -s: %v %v", sim, err)
		}
		if q, err := s.Exec(ctx, machine.Run{Argv: []string{"dpkg-query", "-W", "dpkg"}}, true); err != nil || q.Exit != 0 {
			t.Errorf("dpkg-query: %v %v", q, err)
		}
		if u := get(t, ctx, s, "unit", "ssh.service"); !u.Get("running").True() {
			t.Errorf("ssh.service: %v", u)
		}
		return nil
	})
	must(t, err)
	for _, path := range []string{"/tmp/x", "/etc/y"} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is there outside", path)
		}
	}
	must(t, os.Remove(Dir+"/apt/x"))
	must(t, os.WriteFile("/etc/muster-test", nil, 0o600)) // the process itself still writes
	must(t, os.Remove("/etc/muster-test"))
}

// TestNodeReadOnlyBus shows that nothing in a plan can give systemd an order, the
// agent included, while units can still be read.
func TestNodeReadOnlyBus(t *testing.T) {
	s, ctx := node(t)
	show := "systemctl show -p MainPID,ActiveEnterTimestampMonotonic,InvocationID ssh.service"
	before := sh(t, show)
	must(t, s.ReadOnly(func() error {
		for _, try := range []string{"systemctl restart ssh", "systemctl stop ssh", "service ssh restart",
			"busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager RestartUnit ss ssh.service replace",
			"systemd-run true", "hostnamectl hostname other", "hostname other"} {
			if out, err := exec.Command("sh", "-c", try).CombinedOutput(); err == nil {
				t.Errorf("%s: it worked: %s", try, out)
			}
		}
		if result, err := s.bus.do(ctx, "RestartUnit", "ssh.service", "replace"); err == nil {
			t.Errorf("the agent restarted a unit: %s", result)
		}
		s.bus.close() // as when systemd re-executes itself
		if u := get(t, ctx, s, "unit", "ssh.service"); !u.Get("running").True() {
			t.Errorf("ssh.service: %v", u)
		}
		return nil
	}))
	if after := sh(t, show); after != before {
		t.Errorf("ssh.service before and after:\n%s\n%s", before, after)
	}
	if name := sh(t, "hostname"); name == "other" {
		t.Error("the node has another name")
	}
	sh(t, "systemctl is-active ssh") // outside, the process itself still reaches systemd
}

// TestNodeReadOnlyOld seals mount by mount, as kernels before 5.12 need it.
func TestNodeReadOnlyOld(t *testing.T) {
	node(t)
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		writable, err := ownView(Dir)
		if err == nil {
			err = sealEach(writable)
		}
		done <- err
		for _, path := range []string{"/etc/x", "/run/x", "/run/lock/x", "/dev/shm/x", "/etc/hosts"} {
			if os.WriteFile(path, nil, 0o600) == nil {
				t.Errorf("%s could be written", path)
			}
		}
		for _, path := range []string{"/tmp/x", Dir + "/apt/x", "/dev/null"} {
			done <- os.WriteFile(path, nil, 0o600)
		}
		close(done)
	}()
	for err := range done {
		must(t, err)
	}
	must(t, os.Remove(Dir+"/apt/x"))
}

var slurm = []string{"munge", "mariadb-server", "slurmctld", "slurmd"}

func TestNodePackages(t *testing.T) {
	s, ctx := node(t)
	if _, err := os.Stat(utmp); err != nil {
		// A node that knows its runlevel (5): init scripts would start daemons.
		record := make([]byte, 384)
		record[0], record[4] = 1, '5'
		must(t, os.WriteFile(utmp, record, 0o644))
		defer os.Remove(utmp)
	}
	var items []machine.Item
	var was []machine.State
	for _, name := range slurm {
		v := get(t, ctx, s, "package_candidate", name).Get("version").S
		if v == "" || get(t, ctx, s, "package", name) != nil {
			t.Fatalf("%s: candidate %q, or installed already", name, v)
		}
		items, was = append(items, item("package", name, "version", v)), append(was, nil)
	}
	must(t, s.Download(ctx, items))
	must(t, s.Put(ctx, "package", items, was))
	for i, name := range slurm {
		if got := get(t, ctx, s, "package", name); got.Get("version") != items[i].Want["version"] {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, unit := range []string{"munge.service", "mariadb.service", "slurmctld.service", "slurmd.service"} {
		u := get(t, ctx, s, "unit", unit)
		if u.Get("running").True() || !u.Get("enabled").True() {
			t.Errorf("%s: %v, want stopped and enabled", unit, u)
		}
	}
	procs := sh(t, "ps -eo comm | grep -E 'munged|mariadbd|mysqld|slurmctld|slurmd' || true")
	if procs != "" {
		t.Errorf("daemons run: %s", procs)
	}
	if _, err := os.Stat("/usr/sbin/policy-rc.d"); err == nil {
		t.Error("a policy-rc.d is left")
	}
	if left := sh(t, "systemctl list-units --all --no-legend 'muster-*'"); left != "" {
		t.Errorf("units are left: %s", left)
	}
}

func TestNodePackageErrors(t *testing.T) {
	s, ctx := node(t)
	err := s.Put(ctx, "package", []machine.Item{item("package", "munge", "version", "0.1-1")}, []machine.State{nil})
	if err == nil || !strings.Contains(err.Error(), ErrStale.Error()) {
		t.Errorf("an impossible version: %v", err)
	}
	err = s.Put(ctx, "package", []machine.Item{gone("package", "munge")}, []machine.State{{}})
	if err == nil || !strings.Contains(err.Error(), "as well") {
		t.Errorf("removing munge under slurmd: %v", err)
	}
	var items []machine.Item
	for _, name := range []string{"slurmd", "slurmctld"} {
		items = append(items, gone("package", name))
	}
	must(t, s.Put(ctx, "package", items, []machine.State{{}, {}}))
	if got := get(t, ctx, s, "package", "slurmd"); got != nil {
		t.Errorf("slurmd is still there: %v", got)
	}
}

func TestNodePackageLock(t *testing.T) {
	s, ctx := node(t)
	hold := exec.Command("perl", "-e", `use Fcntl qw(:DEFAULT :flock); open(F,"+<","/var/lib/dpkg/lock-frontend");
		$l=pack("s s l! l! l!",F_WRLCK,0,0,0,0); fcntl(F,F_SETLK,$l) or die; print "ok\n"; close STDOUT; sleep 3`)
	out, err := hold.StdoutPipe()
	must(t, err)
	must(t, hold.Start())
	buf := make([]byte, 3)
	if _, err := out.Read(buf); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	ctx = WithVertex(ctx, Vertex{Run: "test", Output: func(text string) { said.WriteString(text) }})
	must(t, s.waitLocks(ctx))
	must(t, hold.Wait())
	if !strings.Contains(said.String(), "held by perl (process ") {
		t.Errorf("said %q", said.String())
	}
}

// TestNodePackageKilled kills dpkg in the middle, as a lost node would.
func TestNodePackageKilled(t *testing.T) {
	s, ctx := node(t)
	v := get(t, ctx, s, "package_candidate", "slurmd").Get("version").S
	it := item("package", "slurmd", "version", v)
	must(t, s.Download(ctx, []machine.Item{it}))
	done := make(chan error, 1)
	go func() { done <- s.Put(ctx, "package", []machine.Item{it}, []machine.State{nil}) }()
	deadline := time.Now().Add(time.Minute)
	for get(t, ctx, s, "package", "slurmd") == nil && sh(t, "grep -c -E 'half-|unpacked' /var/lib/dpkg/status || true") == "0" {
		if time.Now().After(deadline) {
			t.Fatal("dpkg never began")
		}
	}
	sh(t, "systemctl kill --signal=KILL 'muster-test-*'")
	if err := <-done; err == nil {
		t.Log("dpkg was faster than the kill")
	}
	must(t, set(t, ctx, s, it))
	if got := get(t, ctx, s, "package", "slurmd"); got.Get("version").S != v {
		t.Errorf("slurmd: %v", got)
	}
	if audit := sh(t, "dpkg --audit"); audit != "" {
		t.Errorf("dpkg --audit: %s", audit)
	}
}

func TestNodeJob(t *testing.T) {
	s, ctx := node(t)
	var said strings.Builder
	ctx = WithVertex(ctx, Vertex{Run: "test", Name: "command[a b]@n", Output: func(x string) { said.WriteString(x) }})
	res, err := s.Exec(ctx, machine.Run{Long: true, Stdin: []byte("in"), Env: []string{"A=1 2"},
		Argv: []string{"sh", "-c", `echo "$A $(cat) $1 ${HOME}"; echo bad >&2; exit 3`, "sh", "$HOME %n"}}, false)
	must(t, err)
	if res.Exit != 3 || res.Stdout != "1 2 in $HOME %n /root\n" || res.Stderr != "bad\n" || !strings.Contains(said.String(), "1 2 in") {
		t.Errorf("%+v, said %q", res, said.String())
	}
	if _, err := s.Exec(ctx, machine.Run{Long: true, Argv: []string{"sleep", "60"}, Timeout: time.Second}, false); err == nil ||
		!strings.Contains(err.Error(), "no end after 1s") {
		t.Errorf("timeout: %v", err)
	}
	res, err = s.Exec(ctx, machine.Run{Long: true, Argv: []string{"sh", "-c", "kill -9 $$"}}, false)
	if err != nil || res.Exit != 137 {
		t.Errorf("kill: %+v %v", res, err)
	}
}

func TestNodeAdopt(t *testing.T) {
	s, ctx := node(t)
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	mark := filepath.Join(t.TempDir(), "mark")
	_, err := s.Exec(WithVertex(short, Vertex{Run: "adopt", Name: "x"}),
		machine.Run{Long: true, Argv: []string{"sh", "-c", "sleep 2; echo done >" + mark}}, false)
	if err == nil {
		t.Fatal("the job ended with its agent")
	}
	names, err := s.Adopt(ctx)
	must(t, err)
	if _, err := os.Stat(mark); err != nil || len(names) != 1 {
		t.Errorf("adopted %v, %v", names, err)
	}
	// It ended as well as one that is watched, and nothing of its input is left.
	jobs := filepath.Join(s.dir, "runs/adopt/jobs")
	if end, err := os.ReadFile(filepath.Join(jobs, "1.exit")); string(end) != "success exited 0\n" {
		t.Errorf("its end: %q %v", end, err)
	}
	if left, _ := filepath.Glob(filepath.Join(jobs, "*.in")); len(left) > 0 {
		t.Errorf("its input is still on the disk: %v", left)
	}
	if names, err := s.Adopt(ctx); err != nil || len(names) != 0 {
		t.Errorf("second adoption: %v %v", names, err)
	}
}
