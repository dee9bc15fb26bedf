package linux

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/modules/machine"
)

func TestAccounts(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	want := item("user", "slurm", "uid", "64030", "group", "slurm", "groups", "adm", "home", "/", "shell", "/bin/false", "gecos", "").Want
	if got := get(t, ctx, s, "user", "slurm"); !maps.Equal(got, want) {
		t.Errorf("user: %v", got)
	}
	if got := get(t, ctx, s, "group", "adm"); got.Get("gid").S != "4" {
		t.Errorf("group: %v", got)
	}
	if got := get(t, ctx, s, "user", "nobody"); got != nil {
		t.Errorf("no user: %v", got)
	}
	// A package brings a user while the agent runs.
	f, err := os.OpenFile(s.in("/etc/passwd"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("+::::::\nbroken\nmunge:x:110:110::/:/bin/false\n")
	must(t, err)
	must(t, f.Close())
	if uid, err := s.accounts.uid("munge"); err != nil || uid != 110 {
		t.Errorf("new user: %d %v", uid, err)
	}
	if v, err := s.accounts.userName(4242); err != nil || v.S != "4242" {
		t.Errorf("an id without a name: %v %v", v, err)
	}
	asked := 0
	s.accounts.ask = func(_, key string) string {
		asked++
		return map[string]string{"alice": "alice:x:10001:100:A:/home/alice:/bin/sh\n"}[key]
	}
	for range 2 {
		if uid, err := s.accounts.uid("alice"); err != nil || uid != 10001 || asked != 1 {
			t.Errorf("a user of the directory: %d %v, asked %d times", uid, err, asked)
		}
	}
	if err := s.free("passwd", "uid", "new", machine.State{"uid": machine.Text("110")}); err == nil || err.Error() != "uid 110 is taken by munge" {
		t.Errorf("taken: %v", err)
	}
}

const status = `Package: munge
Status: install ok installed
Architecture: amd64
Version: 0.5.16-1
Description: text
 Status: not a field
Depends: libc6

Package: slurmd
Status: install ok half-configured
Architecture: amd64
Version: 24.11.5-4

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: hurt
Status: install reinstreq half-installed
Architecture: amd64
Version: 2

Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.41-12

Package: libc6
Status: install ok triggers-pending
Architecture: i386
Version: 2.41-11`

// TestInterrupted: a killed dpkg is found by what it has left in its status and by
// notes that it has not merged, and nothing is downloaded before it is repaired.
func TestInterrupted(t *testing.T) {
	whole := status[:strings.Index(status, "\n\n")] + "\n"
	for _, c := range []struct {
		name, status, notes, want string
		interrupted               bool
	}{
		{"whole", whole, "", "", false},
		{"half unpacked", status, "", "hurt slurmd", true},
		{"notes alone", whole, whole, "", true},
	} {
		s := testStore(t)
		must(t, os.WriteFile(s.in("/var/lib/dpkg/status"), []byte(c.status), 0o644))
		if c.notes != "" {
			must(t, os.Mkdir(s.in("/var/lib/dpkg/updates"), 0o755))
			must(t, os.WriteFile(s.in("/var/lib/dpkg/updates/0000"), []byte(c.notes), 0o644))
		}
		a := s.packages.(*apt)
		broken, interrupted, err := a.interrupted()
		if err != nil || interrupted != c.interrupted || strings.Join(broken, " ") != c.want {
			t.Errorf("%s: %v %v %v", c.name, broken, interrupted, err)
		}
		if !c.interrupted {
			continue
		}
		// apt-get would fail here: the store's root is a folder with dpkg's files alone.
		if err := a.download(t.Context(), []machine.Item{item("package", "munge", "version", "0.5.16-1")}); err != nil {
			t.Errorf("%s: download: %v", c.name, err)
		}
		if _, err := os.Stat(a.stamp()); err == nil {
			t.Errorf("%s: lists were fetched for a download that cannot be", c.name)
		}
	}
}

func TestDpkg(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	write := func(name, text string) { must(t, os.WriteFile(s.in("/var/lib/dpkg/"+name), []byte(text), 0o644)) }
	write("status", status)
	must(t, os.Mkdir(s.in("/var/lib/dpkg/info"), 0o755))
	write("info/munge.list", "")
	write("info/libc6:amd64.list", "")
	for name, want := range map[string]string{"munge": "0.5.16-1", "slurmd": "", "gone": "", "hurt": "", "none": "",
		"libc6": "2.41-12", "libc6:i386": "2.41-11"} {
		if got := get(t, ctx, s, "package", name); got.Get("version").S != want || (want == "") != (got == nil) {
			t.Errorf("%s: %v, want %q", name, got, want)
		}
	}
	_, at, err := s.packages.installed("libc6")
	if err != nil || time.Since(time.UnixMicro(at)).Abs() > time.Minute {
		t.Errorf("libc6 was unpacked at %d: %v", at, err)
	}
	d := s.packages.(*apt).dpkg
	if list, err := d.unfinished(); err != nil || len(list) != 2 {
		t.Errorf("unfinished: %v %v", list, err)
	}
	// dpkg was killed before it merged its journal.
	must(t, os.Mkdir(s.in("/var/lib/dpkg/updates"), 0o755))
	write("updates/0000", strings.Replace(status[:strings.Index(status, "\n\n")], "installed", "unpacked", 1)+"\n")
	if got := get(t, ctx, s, "package", "munge"); got != nil {
		t.Errorf("munge is unpacked only: %v", got)
	}
	must(t, os.Remove(s.in("/var/lib/dpkg/updates/0000")))
	if got := get(t, ctx, s, "package", "munge"); got == nil {
		t.Error("the merged journal still counts")
	}
}

// TestDpkgMerges reads while dpkg writes parts of its journal and merges them.
func TestDpkgMerges(t *testing.T) {
	s := testStore(t)
	must(t, os.MkdirAll(s.in("/var/lib/dpkg/updates"), 0o755))
	must(t, os.WriteFile(s.in("/var/lib/dpkg/status"), []byte(status), 0o644))
	over := make(chan struct{})
	t.Cleanup(func() { <-over })
	go func() {
		defer close(over)
		part := s.in("/var/lib/dpkg/updates/0000")
		for range 2000 {
			if os.WriteFile(part, []byte("Package: x\n"), 0o644) != nil || os.Remove(part) != nil {
				return
			}
		}
	}()
	d := &dpkg{root: s.root}
	for reads := 0; ; reads++ {
		if list, err := d.packages(); err != nil || list["munge"].version == "" {
			t.Fatalf("read %d: %v %v", reads, list["munge"], err)
		}
		select {
		case <-over:
			return
		default:
		}
	}
}

func TestPolicy(t *testing.T) {
	got := parsePolicy(`munge:
  Installed: (none)
  Candidate: 0.5.16-1.1~deb13u1
  Version table:
     0.5.16-1.1~deb13u1 500
        500 http://deb.debian.org/debian trixie/main amd64 Packages
virtual:
  Installed: (none)
  Candidate: (none)
  Version table:
libc6:i386:
  Installed: 1
  Candidate: 2:1+b1
`)
	if want := map[string]string{"munge": "0.5.16-1.1~deb13u1", "libc6:i386": "2:1+b1"}; !maps.Equal(got, want) {
		t.Errorf("policy: %v", got)
	}
}

func TestWanted(t *testing.T) {
	add, remove, err := wanted([]machine.Item{item("package", "a1", "version", "1:2"), gone("package", "b2"), item("file", "/x")})
	if err != nil || strings.Join(add, " ") != "a1=1:2" || strings.Join(remove, " ") != "b2" {
		t.Errorf("%v %v %v", add, remove, err)
	}
	for _, bad := range []machine.Item{item("package", "-o", "version", "1"), item("package", "a/b", "version", "1"),
		item("package", "ok"), item("package", "ok", "version", "1 2"), gone("package", "a*")} {
		if _, _, err := wanted([]machine.Item{bad}); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

// TestInputs holds the rules by which a running unit's inputs are judged.
func TestInputs(t *testing.T) {
	s := testStore(t)
	must(t, os.WriteFile(s.in("/etc/c"), []byte("now"), 0o644))
	at, _, err := s.changed("/etc/c")
	must(t, err)
	now, old := s.Digest("now"), s.Digest("old")
	const reload, restart, value = "reload:file:/etc/c", "restart:file:/etc/c", "restart:value:v"
	later, earlier := at+1e6, at-1e6
	rec := &record{Invocation: "i", Start: earlier, Inputs: map[string]string{reload: old, restart: old, value: old}}
	for name, c := range map[string]struct {
		rec           *record
		invocation    string
		start, began  int64
		reload, other string
		value         string
	}{
		"recorded":             {rec, "i", earlier, earlier, old, old, old},
		"re-executed since":    {rec, "i", later, earlier, now, old, old},
		"re-executed before":   {rec, "i", earlier + 1, earlier, old, old, old},
		"adopted":              {nil, "i", later, later, now, now, machine.Current},
		"adopted, changed":     {nil, "i", earlier, earlier, machine.Stale, machine.Stale, machine.Current},
		"adopted, re-executed": {nil, "i", later, earlier, now, machine.Stale, machine.Current},
		"rebooted":             {rec, "j", later, later, now, now, machine.Current},
		"rebooted, changed":    {rec, "j", earlier, earlier, machine.Stale, machine.Stale, machine.Current},
		"within a tick":        {nil, "i", at + 1, at + 1, machine.Stale, machine.Stale, machine.Current},
	} {
		must(t, s.records.remove("u.service"))
		if c.rec != nil {
			must(t, s.records.save("u.service", *c.rec))
		}
		got, err := s.inputs(t.Context(), "u.service", unitState{invocation: c.invocation, start: c.start, began: c.began},
			[]string{"running", reload, restart, value})
		if err != nil || got[reload] != c.reload || got[restart] != c.other || got[value] != c.value || len(got) != 3 {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}

func TestSaveRecords(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	must(t, os.WriteFile(s.in("/etc/c"), []byte("now"), 0o644))
	u := unitState{invocation: "i", start: time.Now().Add(time.Hour).UnixMicro()}
	fields := []string{"restart:file:/etc/c", "restart:value:v"}
	_, err := s.inputs(t.Context(), "u.service", u, fields)
	must(t, err)
	if _, ok, _ := s.records.load("u.service"); ok {
		t.Fatal("reading has written a record")
	}
	must(t, s.SaveRecords(ctx, []machine.Item{item("unit", "u.service", "restart:value:v", "digest", "running", "true")}))
	rec, ok, err := s.records.load("u.service")
	if err != nil || !ok || rec.Inputs[fields[0]] != s.Digest("now") || rec.Inputs[fields[1]] != "digest" || len(rec.Inputs) != 2 {
		t.Errorf("record: %v %v %v", rec, ok, err)
	}
	info, err := os.Stat(filepath.Join(s.dir, "units", "u.service.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	// The file is written, the restart does not happen: the record still tells.
	must(t, os.WriteFile(s.in("/etc/c"), []byte("then"), 0o644))
	got, err := s.inputs(t.Context(), "u.service", u, fields)
	if err != nil || got[fields[0]] != s.Digest("now") {
		t.Errorf("after a crash: %v %v", got, err)
	}
	must(t, os.WriteFile(s.records.path("u.service"), []byte("{"), 0o600))
	if _, ok, err := s.records.load("u.service"); ok || err != nil {
		t.Errorf("a damaged record: %v %v", ok, err)
	}
}
