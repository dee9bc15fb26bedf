package linux

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"muster/modules/machine"
)

const (
	testUnit = "muster-try.service"
	testConf = "/etc/muster-try.conf"
	testKey  = "/etc/muster-try.key"
)

// tryUnit writes a service of our own: sleep under a shell that takes HUP as a
// reload.
func tryUnit(t *testing.T, service string) {
	t.Helper()
	must(t, os.WriteFile("/etc/systemd/system/"+testUnit, []byte("[Service]\n"+service+"\n[Install]\nWantedBy=multi-user.target\n"), 0o644))
	must(t, os.WriteFile(testConf, []byte("one"), 0o644))
	must(t, os.WriteFile(testKey, []byte("key"), 0o600))
	t.Cleanup(func() {
		sh(t, "systemctl disable --now "+testUnit+" 2>&1; rm -f /etc/systemd/system/"+testUnit+" /etc/muster-try.* "+Dir+"/units/"+testUnit+".json; systemctl daemon-reload; systemctl reset-failed")
	})
}

const loop = `ExecStart=/bin/sh -c 'trap : HUP; while :; do sleep 1000 & wait; done'
ExecReload=/bin/kill -HUP $MAINPID`

func tryInputs(s *Store, conf string) machine.State {
	return machine.State{"running": machine.Bool(true), "enabled": machine.Bool(true),
		"reload:file:" + testConf: machine.Text(s.Digest(conf)),
		"restart:file:" + testKey: machine.Text(s.Digest("key")),
		"restart:value:level":     machine.Text(s.Digest("3"))}
}

// action is what a plan would do now.
func action(t *testing.T, ctx context.Context, s *Store, want machine.State) machine.Action {
	t.Helper()
	a, _ := machine.UnitAction(get(t, ctx, s, "unit", testUnit, want.Fields()...), want)
	return a
}

func mainPID(t *testing.T) string { return sh(t, "systemctl show -P MainPID "+testUnit) }

func TestNodeUnit(t *testing.T) {
	s, ctx := node(t)
	tryUnit(t, loop)
	ref := machine.Ref{Table: "unit", Key: testUnit}
	want := tryInputs(s, "one")
	apply := func() { t.Helper(); must(t, set(t, ctx, s, machine.Item{Ref: ref, Want: want})) }
	if a := action(t, ctx, s, want); a != machine.Start {
		t.Fatalf("new unit: %q", a)
	}
	apply()
	pid := mainPID(t)
	if a := action(t, ctx, s, want); a != machine.None || sh(t, "systemctl is-enabled "+testUnit) != "enabled" {
		t.Fatalf("started: %q", a)
	}
	// A crash between the write and the reload changes nothing about the reload.
	must(t, os.WriteFile(testConf, []byte("two"), 0o644))
	want = tryInputs(s, "two")
	if a := action(t, ctx, s, want); a != machine.Reload {
		t.Fatalf("changed config: %q", a)
	}
	apply()
	if a := action(t, ctx, s, want); a != machine.None || mainPID(t) != pid {
		t.Fatalf("reloaded: %q, process %s then %s", a, pid, mainPID(t))
	}
	want["restart:value:level"] = machine.Text(s.Digest("4"))
	if a := action(t, ctx, s, want); a != machine.Restart {
		t.Fatalf("changed value: %q", a)
	}
	apply()
	if a := action(t, ctx, s, want); a != machine.None || mainPID(t) == pid {
		t.Fatalf("restarted: %q", a)
	}
	want = machine.State{"running": machine.Bool(false), "enabled": machine.Bool(false)}
	apply()
	if got := get(t, ctx, s, "unit", testUnit); got.Get("running").True() || got.Get("enabled").True() {
		t.Fatalf("stopped: %v", got)
	}
}

// TestNodeUnitAdopt: a unit that was started by hand keeps running where its
// inputs are older, and is restarted where one is newer.
func TestNodeUnitAdopt(t *testing.T) {
	s, ctx := node(t)
	tryUnit(t, loop)
	time.Sleep(20 * time.Millisecond) // file times have the granularity of a tick
	sh(t, "systemctl daemon-reload; systemctl enable --now "+testUnit)
	want := tryInputs(s, "one")
	if a := action(t, ctx, s, want); a != machine.None {
		t.Fatalf("adopted: %q %v", a, get(t, ctx, s, "unit", testUnit, want.Fields()...))
	}
	must(t, s.SaveRecords(ctx, []machine.Item{{Ref: machine.Ref{Table: "unit", Key: testUnit}, Want: want}}))
	again, err := New(Dir)
	must(t, err)
	defer again.Close()
	must(t, os.WriteFile(testConf, []byte("one"), 0o644)) // newer, but the same
	want["restart:value:level"] = machine.Text(s.Digest("5"))
	if a := action(t, ctx, again, want); a != machine.Restart {
		t.Errorf("a value that changed after the adoption: %q", a)
	}
	want = tryInputs(s, "one")
	if a := action(t, ctx, again, want); a != machine.None {
		t.Errorf("recorded: %q", a)
	}
	sh(t, "systemctl restart "+testUnit)
	must(t, os.WriteFile(testKey, []byte("key"), 0o600))
	if a := action(t, ctx, again, want); a != machine.Restart {
		u, _ := s.bus.unit(ctx, testUnit)
		at, _, _ := s.changed(testKey)
		t.Errorf("restarted by hand before its key was written: %q; process %d, key %d", a, u.began, at)
	}
}

// again re-executes itself on HUP: a new main process, the same invocation.
const again = `#!/bin/bash
again() { /etc/muster-try.sh & sleep 1; exit 0; }
trap again HUP
systemd-notify --ready MAINPID=$$
while :; do sleep 1000 & wait $!; done
`

func TestNodeUnitReexec(t *testing.T) {
	s, ctx := node(t)
	must(t, os.WriteFile("/etc/muster-try.sh", []byte(again), 0o755))
	tryUnit(t, "Type=notify\nNotifyAccess=all\nExecStart=/etc/muster-try.sh")
	how := map[string]string{machine.HowReexec: "true",
		machine.HowReload: "systemctl\x00kill\x00--kill-whom=main\x00--signal=HUP\x00" + testUnit}
	apply := func(want machine.State) {
		t.Helper()
		must(t, set(t, ctx, s, machine.Item{Ref: machine.Ref{Table: "unit", Key: testUnit}, Want: want, How: how}))
	}
	apply(tryInputs(s, "one"))
	first := mainPID(t)
	must(t, os.WriteFile(testConf, []byte("two"), 0o644))
	if a := action(t, ctx, s, tryInputs(s, "two")); a != machine.Reload {
		t.Fatalf("changed: %q", a)
	}
	apply(tryInputs(s, "two"))
	second := mainPID(t)
	if a := action(t, ctx, s, tryInputs(s, "two")); a != machine.None || first == second {
		t.Fatalf("re-executed: %q, process %s then %s", a, first, second)
	}
	// Somebody changes both inputs and re-executes by hand.
	must(t, os.WriteFile(testConf, []byte("three"), 0o644))
	must(t, os.WriteFile(testKey, []byte("new"), 0o600))
	time.Sleep(20 * time.Millisecond)
	sh(t, "systemctl kill --kill-whom=main --signal=HUP "+testUnit+"; for i in $(seq 50); do [ $(systemctl show -P MainPID "+testUnit+") != "+second+" ] && exit 0; sleep 0.1; done; exit 1")
	want := tryInputs(s, "three")
	if a := action(t, ctx, s, want); a != machine.None {
		t.Errorf("re-executed by hand: %q", a)
	}
	want["restart:file:"+testKey] = machine.Text(s.Digest("new"))
	if a := action(t, ctx, s, want); a != machine.Restart {
		t.Errorf("a re-execution took over a restart input: %q", a)
	}
}

func TestNodeUnitErrors(t *testing.T) {
	s, ctx := node(t)
	tryUnit(t, `ExecStart=/bin/sh -c 'echo no such thing as a config; exit 7'`)
	start := func() *machine.Error {
		t.Helper()
		err := s.Put(ctx, "unit", []machine.Item{{Ref: machine.Ref{Table: "unit", Key: testUnit},
			Want: machine.State{"running": machine.Bool(true), "enabled": machine.Bool(true)},
			How:  map[string]string{machine.HowReady: "test\x00-e\x00/run/muster-try"}}}, []machine.State{nil})
		e, ok := err.(*machine.Error)
		if !ok {
			t.Fatalf("a unit that fails: %v", err)
		}
		return e
	}
	e := start()
	if e.Object != "unit[muster-try.service]" || e.Op != "start" || !strings.Contains(e.Error(), "exit-code 7") ||
		!strings.Contains(e.Stderr, "no such thing as a config") {
		t.Errorf("%v\n%s", e, e.Stderr)
	}
	sh(t, "systemctl disable "+testUnit+"; mv /etc/systemd/system/"+testUnit+" /usr/lib/systemd/system/; systemctl mask "+testUnit)
	defer sh(t, "systemctl unmask "+testUnit+"; rm -f /usr/lib/systemd/system/"+testUnit)
	if e := start(); !strings.Contains(e.Error(), "masked") {
		t.Errorf("masked: %v", e)
	}
	none := machine.Item{Ref: machine.Ref{Table: "unit", Key: "muster-none.service"}, Want: machine.State{"running": machine.Bool(true)}}
	if err := s.Put(ctx, "unit", []machine.Item{none}, []machine.State{nil}); err == nil || !strings.Contains(err.Error(), "no such unit") {
		t.Errorf("no unit: %v", err)
	}
	if got := get(t, ctx, s, "unit", "muster-none.service"); got != nil {
		t.Errorf("no unit has a state: %v", got)
	}
}

func TestNodeUsers(t *testing.T) {
	s, ctx := node(t)
	must(t, set(t, ctx, s, item("group", "mustertry", "gid", "641")))
	user := item("user", "mustertry", "uid", "641", "group", "mustertry", "home", "/var/lib/try", "shell", "/usr/sbin/nologin")
	must(t, set(t, ctx, s, user))
	got := get(t, ctx, s, "user", "mustertry")
	if _, _, differs := machine.Diff(got, user.Want); differs {
		t.Errorf("user: %v", got)
	}
	user = item("user", "mustertry", "groups", "adm,mustertry2", "shell", "/bin/bash", "gecos", "A name", "home", "/srv")
	if err := set(t, ctx, s, user); err == nil || !strings.Contains(err.Error(), "mustertry2") {
		t.Errorf("a group that is not there: %v", err)
	}
	must(t, set(t, ctx, s, item("group", "mustertry2")))
	must(t, set(t, ctx, s, user))
	if got := get(t, ctx, s, "user", "mustertry"); got.Get("groups").S != "adm,mustertry2" || got.Get("home").S != "/srv" {
		t.Errorf("changed user: %v", got)
	}
	if err := set(t, ctx, s, item("user", "other", "uid", "641")); err == nil || !strings.Contains(err.Error(), "uid 641 is taken by mustertry") {
		t.Errorf("taken uid: %v", err)
	}
	must(t, s.Put(ctx, "user", []machine.Item{gone("user", "mustertry")}, []machine.State{{}}))
	must(t, set(t, ctx, s, gone("group", "mustertry2")))
	if got := get(t, ctx, s, "user", "mustertry"); got != nil {
		t.Errorf("removed user: %v", got)
	}
}

func TestNodeHostname(t *testing.T) {
	s, ctx := node(t)
	old := get(t, ctx, s, "hostname", "").Get("name").S
	must(t, set(t, ctx, s, item("hostname", "", "name", "another")))
	if sh(t, "uname -n") != "another" || get(t, ctx, s, "hostname", "").Get("name").S != "another" {
		t.Errorf("host name: %s", sh(t, "uname -n; cat /etc/hostname"))
	}
	must(t, set(t, ctx, s, item("hostname", "", "name", old)))
	// A bind mount cannot be renamed over; its content is replaced all the same.
	must(t, set(t, ctx, s, item("file", "/etc/hosts", "content", get(t, ctx, s, "file", "/etc/hosts", "content").Get("content").S+"# x\n")))
	if !strings.HasSuffix(sh(t, "cat /etc/hosts"), "# x") {
		t.Error("/etc/hosts was not written")
	}
}

// TestNodeUnitUnready: a unit that started and does not serve is restarted by the
// next run, and left alone when it serves by then.
func TestNodeUnitUnready(t *testing.T) {
	s, ctx := node(t)
	tryUnit(t, loop)
	want := tryInputs(s, "one")
	it := machine.Item{Ref: machine.Ref{Table: "unit", Key: testUnit}, Want: want,
		How: map[string]string{machine.HowReady: "test\x00-e\x00/run/muster-try.ready"}}
	// As long as it takes: the run's own deadline is shorter than the check's.
	short, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := set(t, short, s, it); err == nil {
		t.Fatal("a unit that does not serve was taken for one that does")
	}
	if a := action(t, ctx, s, want); a != machine.Restart {
		t.Fatalf("a unit that runs and does not serve: %q, not a restart", a)
	}
	must(t, os.WriteFile("/run/muster-try.ready", nil, 0o644))
	t.Cleanup(func() { _ = os.Remove("/run/muster-try.ready") })
	if a := action(t, ctx, s, want); a != machine.None {
		t.Fatalf("a unit that serves by now: %q", a)
	}
	must(t, os.Remove("/run/muster-try.ready"))
	if a := action(t, ctx, s, want); a != machine.Restart {
		t.Fatalf("it has stopped serving before anything was recorded: %q", a)
	}
}
