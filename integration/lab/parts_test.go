package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestParseNodes(t *testing.T) {
	cases := []struct {
		in   string // words are specifications
		want string // name:groups of each node, or the part of an error after !
	}{
		{"ctl01:slurm_controller node[01-03]:slurm_node,gpu", "ctl01:slurm_controller node01:gpu,slurm_node node02:gpu,slurm_node node03:gpu,slurm_node"},
		{"n[9-10]", "n9: n10:"},
		{"b a", "a: b:"},
		{"a:g,g", "a:g"},
		{"n1 n[1-2]", "!n1: named twice"},
		{"n[3-1]", "!lowest first"},
		{"n[1-5000]", "!at most 200"},
		{"Bad", "!lower-case"},
		{"a_b", "!lower-case"},
		{"-a", "!lower-case"},
		{`a:"x`, "!group"},
		{"", "!1 to 200"},
	}
	for _, c := range cases {
		specs, err := ParseNodes(strings.Fields(c.in))
		if err == nil {
			specs, err = expand(specs)
		}
		got := []string{}
		for _, spec := range specs {
			got = append(got, spec.Name+":"+strings.Join(spec.Groups, ","))
		}
		if part, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %v, want %q", c.in, err, part)
			}
			continue
		}
		if text := strings.Join(got, " "); err != nil || !sameWords(text, c.want) {
			t.Errorf("%s: %s, %v, want %s", c.in, text, err, c.want)
		}
	}
}

// sameWords ignores order: nodes are sorted as text, n10 before n9.
func sameWords(a, b string) bool {
	words := map[string]int{}
	for _, word := range strings.Fields(a) {
		words[word]++
	}
	for _, word := range strings.Fields(b) {
		words[word]--
	}
	for _, count := range words {
		if count != 0 {
			return false
		}
	}
	return true
}

func TestDebianMirror(t *testing.T) {
	debian := &fstest.MapFile{Data: []byte("NAME=Debian\nID=debian\n")}
	cases := map[string]struct {
		root fstest.MapFS
		want string
	}{
		"not Debian": {fstest.MapFS{
			"etc/os-release":       {Data: []byte("ID=ubuntu\n")},
			"etc/apt/sources.list": {Data: []byte("deb http://one.example/debian stable main\n")},
		}, defaultMirror},
		"one line": {fstest.MapFS{
			"etc/os-release":       debian,
			"etc/apt/sources.list": {Data: []byte("# deb http://no.example/debian x main\ndeb [arch=amd64] http://one.example/debian/ stable main\n")},
		}, "http://one.example/debian"},
		"deb822 after a foreign archive": {fstest.MapFS{
			"etc/os-release":                        debian,
			"etc/apt/sources.list.d/a.list":         {Data: []byte("deb https://other.example/apt stable main\n")},
			"etc/apt/sources.list.d/debian.sources": {Data: []byte("Types: deb\nURIs: https://two.example/debian\nSuites: stable\n")},
		}, "https://two.example/debian"},
		"no sources": {fstest.MapFS{"etc/os-release": debian}, defaultMirror},
	}
	for name, c := range cases {
		if got := debianMirror(c.root); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestSubnetsAvoidRoutes(t *testing.T) {
	routes := parseRoutes("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n" +
		"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\n" + // default
		"br\t0005D50A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n" + // 10.213.5.0/24
		"vpn\t0008D50A\t00000000\t0001\t0\t0\t0\t00F8FFFF\t0\n") // 10.213.8.0/21
	if len(routes) != 2 || routes[0].String() != "10.213.5.0/24" || routes[1].String() != "10.213.8.0/21" {
		t.Fatalf("routes %v", routes)
	}
	free := 0
	for _, subnet := range candidates("x") {
		if !overlaps(subnet, routes) {
			free++
		}
	}
	if free != 256-1-8 {
		t.Errorf("%d subnets are free", free)
	}
	if got := hostAddress(netip.MustParsePrefix("10.213.7.0/24"), 2); got != "10.213.7.13" {
		t.Errorf("third node at %s", got)
	}
}

func TestInventoryText(t *testing.T) {
	nodes := []Node{
		{Name: "ctl01", Address: "10.213.7.11", Groups: []string{"login", "slurm_controller"}},
		{Name: "spare", Address: "10.213.7.12"},
	}
	want := inventoryMark + `
cluster "demo" {
}

connection {
  user        = "admin"
  become      = true
  identity    = "/a $${b}/id_ed25519"
  known_hosts = "/a $${b}/known_hosts"
}

host "ctl01" {
  address = "10.213.7.11"
  groups  = ["login", "slurm_controller"]
}

host "spare" {
  address = "10.213.7.12"
  groups  = []
}
` + inventorySecrets
	if got := inventoryText("demo", "/a ${b}", sshPort, nodes); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestUnpackTakesOnlyWhatWasAsked(t *testing.T) {
	pack := func(entries ...string) *bytes.Buffer {
		var out bytes.Buffer
		archive := tar.NewWriter(&out)
		for _, name := range entries {
			header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 4, Mode: 0o777}
			if name == "link.deb" {
				header = &tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: "/etc/shadow"}
			}
			if err := archive.WriteHeader(header); err != nil {
				t.Fatal(err)
			}
			if header.Size > 0 {
				_, _ = archive.Write([]byte("data"))
			}
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		return &out
	}
	wanted := []string{"a_1%3a2_amd64.deb", "link.deb"}
	for _, bad := range []string{"../a.deb", "link.deb", "unasked.deb"} {
		dir := t.TempDir()
		count, err := unpack(pack("a_1%3a2_amd64.deb", bad), dir, wanted)
		if err == nil || count != 1 {
			t.Errorf("%s: %d files, error %v", bad, count, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || entries[0].Name() != wanted[0] {
			t.Errorf("%s: the folder holds %v, %v", bad, entries, err)
		}
	}
}

func TestPruneCacheDropsTheOldest(t *testing.T) {
	dir := t.TempDir()
	for age, name := range []string{"new.deb", "old.deb", "oldest.deb"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-time.Duration(age) * time.Hour)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := pruneCache(dir, 150); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "new.deb" {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestForeignFilesAreKept(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(FileInventory, "cluster \"mine\" {}\n")
	write(FileKey, "my own key")
	if err := claimFolder("demo", dir); err == nil {
		t.Error("a folder with someone's inventory was taken")
	}
	if err := removeFiles("demo", dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, FileKey)); err != nil {
		t.Errorf("beside someone's inventory: %v", err)
	}
	write(FileInventory, inventoryMark+"\n")
	write("notes.txt", "mine")
	write(".muster/demo/facts.json", "{}")
	if err := removeFiles("demo", dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "notes.txt" {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestLabLockIsExclusive(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	release, err := lockLab("demo")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockLab("demo"); err == nil {
		t.Error("a second lock of the same lab was given")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
	defer cancel()
	if _, err := waitLock(ctx, "lab-demo"); err == nil {
		t.Error("waiting for a held lock ended well")
	}
	release()
	release, err = lockLab("demo")
	if err != nil {
		t.Fatalf("after its release: %v", err)
	}
	release()
}

// TestDaemonErrorsSayWhatToDo puts a docker in the path that answers as one does whose
// daemon refuses or is not there.
func TestDaemonErrorsSayWhatToDo(t *testing.T) {
	refused := "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
	for _, c := range []struct{ script, want string }{
		{"echo '" + refused + "' >&2; exit 1", "docker: no right to use the daemon: your user needs to be in group docker, or use sudo"},
		{`echo '{"ServerErrors":["` + refused + `"]}'`, "docker: no right to use the daemon: your user needs to be in group docker, or use sudo"},
		{`echo '{"ServerErrors":["Cannot connect"]}'`, "docker: daemon not reachable: Cannot connect"},
		{"echo 'Cannot connect' >&2; exit 1", "docker: daemon not reachable: docker info: Cannot connect"},
	} {
		fakeDocker(t, c.script)
		if _, err := reachDaemon(t.Context()); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", c.script, err)
		}
	}
}

// fakeDocker puts a docker in the path that is a shell script.
func fakeDocker(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

// TestDownSaysWhatItRemoved: a name that was mistyped is no lab, one of which only the
// inventory is left is.
func TestDownSaysWhatItRemoved(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	fakeDocker(t, `[ "$1" != info ] || echo '{"CgroupVersion":"2"}'`)
	dir := t.TempDir()
	down := func() string {
		t.Helper()
		var said []string
		if err := Down(t.Context(), "demo", dir, func(line string) { said = append(said, line) }); err != nil {
			t.Fatal(err)
		}
		return strings.Join(said, "\n")
	}
	if err := os.WriteFile(filepath.Join(dir, FileInventory), []byte(inventoryMark+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := down(); got != "lab demo is removed" {
		t.Errorf("with its inventory: %q", got)
	}
	if got := down(); got != "there is no lab demo" {
		t.Errorf("without anything: %q", got)
	}
}

// TestUpStartsStoppedNodes: what a lab has that does not run is started, what runs is
// left alone.
func TestUpStartsStoppedNodes(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	fakeDocker(t, "echo $* >>"+calls+"; [ $1 != start ]")
	l := &Lab{Name: "demo", Nodes: []Node{{Name: "n1", State: "running"}, {Name: "n2", State: "paused"}, {Name: "n3", State: "exited"}}}
	if err := l.revive(t.Context()); err == nil || !strings.Contains(err.Error(), "node n3 is exited: docker start") {
		t.Errorf("a start that fails: %v", err)
	}
	got, err := os.ReadFile(calls)
	if err != nil || string(got) != "unpause muster-demo-n2\nstart muster-demo-n3\n" {
		t.Errorf("%v: %s", err, got)
	}
}

func TestChildErrorsSayWhy(t *testing.T) {
	err := runChild(context.Background(), child(context.Background(), "sh", "-c", "echo first >&2; echo last words >&2; exit 3"))
	if err == nil || err.Error() != "sh: last words" {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	started := time.Now()
	err = runChild(ctx, child(ctx, "sh", "-c", "sleep 30 & wait")) // the signal reaches the group
	if err == nil || time.Since(started) > 5*time.Second {
		t.Errorf("error %v after %v", err, time.Since(started))
	}
}
