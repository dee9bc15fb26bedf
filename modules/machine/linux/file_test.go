package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

// testStore is a node in a temporary folder, with the accounts of this process.
func testStore(t *testing.T) *Store {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("etc/passwd", fmt.Sprintf("me:x:%d:%d:Me,Here:/home/me:/bin/sh\nslurm:x:64030:64030::/:/bin/false\n", os.Getuid(), os.Getgid()))
	write("etc/group", fmt.Sprintf("me:x:%d:\nslurm:x:64030:\nadm:x:4:slurm,me\n", os.Getgid()))
	write("var/lib/dpkg/status", "")
	s, err := open(filepath.Join(root, "muster"), root)
	must(t, err)
	s.accounts.ask = nil
	return s
}

func (s *Store) in(name string) string { return filepath.Join(s.root, name) }

func TestFileWrite(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	conf := item("file", "/etc/a.conf", "type", "file", "content", "x\n", "mode", "0640", "owner", "me", "group", "me")
	must(t, set(t, ctx, s, conf))
	got := get(t, ctx, s, "file", "/etc/a.conf", "content")
	if _, _, differs := machine.Diff(got, conf.Want); differs {
		t.Fatalf("written: %v", got)
	}
	if cheap := get(t, ctx, s, "file", "/etc/a.conf"); len(cheap) != 4 || cheap.Get("mode").S != "0640" {
		t.Errorf("without content: %v", cheap)
	}
	inode := func() uint64 {
		var st unix.Stat_t
		must(t, unix.Stat(s.in("/etc/a.conf"), &st))
		return st.Ino
	}
	before := inode()
	must(t, set(t, ctx, s, item("file", "/etc/a.conf", "type", "file", "content", "x\n", "mode", "2600")))
	if got := get(t, ctx, s, "file", "/etc/a.conf"); got.Get("mode").S != "2600" || inode() != before {
		t.Errorf("attributes alone: %v, inode %d then %d", got, before, inode())
	}
	must(t, set(t, ctx, s, item("file", "/etc/a.conf", "content", "y\n")))
	if got := get(t, ctx, s, "file", "/etc/a.conf", "content"); got.Get("mode").S != "2600" || got.Get("content").S != "y\n" {
		t.Errorf("content alone keeps the mode: %v", got)
	}
	must(t, set(t, ctx, s, gone("file", "/etc/a.conf")))
	if got := get(t, ctx, s, "file", "/etc/a.conf"); got != nil {
		t.Errorf("removed: %v", got)
	}
	left, err := filepath.Glob(s.in("/etc/.*muster*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestFileKinds(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	must(t, set(t, ctx, s, item("file", "/d", "type", "directory", "mode", "0750")))
	must(t, set(t, ctx, s, item("file", "/d/l", "type", "link", "target", "../etc")))
	must(t, set(t, ctx, s, item("file", "/d/l", "type", "link", "target", "../etc/passwd")))
	if got := get(t, ctx, s, "file", "/d/l"); got.Get("type").S != "link" || got.Get("target").S != "../etc/passwd" {
		t.Errorf("link: %v", got)
	}
	if got := get(t, ctx, s, "file", "/d"); got.Get("type").S != "directory" || got.Get("mode").S != "0750" {
		t.Errorf("directory: %v", got)
	}
	// A link is replaced, what it leads to is not touched.
	must(t, set(t, ctx, s, item("file", "/d/l", "type", "file", "content", "new")))
	if text, _ := os.ReadFile(s.in("/etc/passwd")); !strings.HasPrefix(string(text), "me:") {
		t.Error("a write went through a link")
	}
	must(t, unix.Mkfifo(s.in("/d/pipe"), 0o600))
	for _, bad := range []struct {
		item machine.Item
		want string
	}{
		{item("file", "/d", "type", "file", "content", ""), "not empty"},
		{gone("file", "/d"), "not empty"},
		{item("file", "/d/l", "type", "directory"), "a file is there"},
		{item("file", "/d/pipe", "type", "file", "content", ""), "device, socket or pipe"},
		{item("file", "/no/x", "type", "file"), "no such file"},
		{item("file", "/d/x", "type", "file", "owner", "nobody-here"), `no user "nobody-here"`},
		{item("file", "/d/x", "type", "file", "mode", "9"), "octal"},
		{item("file", "/d/../x", "type", "file"), "absolute"},
		{item("file", "d", "type", "file"), "absolute"},
	} {
		err := s.Put(ctx, "file", []machine.Item{bad.item}, []machine.State{nil})
		if err == nil || !strings.Contains(err.Error(), bad.want) || !strings.HasPrefix(err.Error(), "file[") {
			t.Errorf("%v: %v, want %q", bad.item, err, bad.want)
		}
	}
	must(t, os.Mkdir(s.in("/empty"), 0o755))
	must(t, set(t, ctx, s, item("file", "/empty", "type", "file", "content", "now a file")))
}

func TestFileLeftover(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	// What a killed agent left may be anything, also a link to somewhere else.
	must(t, os.Symlink("passwd", s.in("/etc/.x.muster~")))
	must(t, set(t, ctx, s, item("file", "/etc/x", "type", "file", "content", "1")))
	if text, _ := os.ReadFile(s.in("/etc/passwd")); strings.Contains(string(text), "1\n1") || !strings.HasPrefix(string(text), "me:") {
		t.Error("the leftover was written through")
	}
}

func TestWalkLinks(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	must(t, os.Mkdir(s.in("/run"), 0o755))
	must(t, os.Symlink("/run", s.in("/var/run"))) // absolute: within the root
	must(t, os.Symlink("../../../etc", s.in("/run/up")))
	must(t, set(t, ctx, s, item("file", "/var/run/x", "type", "file", "content", "1")))
	if _, err := os.Stat(s.in("/run/x")); err != nil {
		t.Error(err)
	}
	if got := get(t, ctx, s, "file", "/var/run/up/passwd"); got == nil {
		t.Error("a relative link above the root was not held there")
	}
	must(t, os.Symlink("loop", s.in("/loop")))
	if _, err := s.Get(ctx, nil, machine.Ref{Table: "file", Key: "/loop/x"}, nil); err == nil {
		t.Error("a loop of links has a state")
	}
	if got := get(t, ctx, s, "file", "/etc/passwd/x"); got != nil {
		t.Errorf("below a file: %v", got)
	}
	if os.Getuid() != 0 {
		return
	}
	must(t, os.Mkdir(s.in("/tmp"), 0o777))
	must(t, os.Symlink("/etc", s.in("/tmp/theirs")))
	must(t, os.Lchown(s.in("/tmp/theirs"), 1000, 1000))
	err := s.Put(ctx, "file", []machine.Item{item("file", "/tmp/theirs/x", "type", "file")}, []machine.State{nil})
	if err == nil || !strings.Contains(err.Error(), "link that user 1000 made") {
		t.Errorf("another user's link: %v", err)
	}
}

func TestFileTooLarge(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	must(t, os.WriteFile(s.in("/big"), make([]byte, maxContent+1), 0o600))
	if _, err := s.Get(ctx, nil, machine.Ref{Table: "file", Key: "/big"}, []string{"content"}); err == nil ||
		!strings.Contains(err.Error(), "larger than 4194304 bytes") {
		t.Errorf("large file: %v", err)
	}
	if got := get(t, ctx, s, "file", "/big"); got.Get("type").S != "file" {
		t.Errorf("its attributes: %v", got)
	}
}

func TestDigestKey(t *testing.T) {
	s := testStore(t)
	again, err := open(s.dir, s.root)
	must(t, err)
	other := testStore(t)
	if d := s.Digest("x"); len(d) != 32 || d != again.Digest("x") || d == other.Digest("x") || d == s.Digest("y") {
		t.Errorf("digests %s %s %s", d, again.Digest("x"), other.Digest("x"))
	}
	info, err := os.Stat(filepath.Join(s.dir, "node.key"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != keySize {
		t.Errorf("key file: %v %v", info, err)
	}
}

// TestKeysInput: of a process that nobody recorded, the lines of a file tell what
// it was started with, as long as the file is older.
func TestKeysInput(t *testing.T) {
	s := testStore(t)
	must(t, os.MkdirAll(s.in("/etc"), 0o755))
	must(t, os.WriteFile(s.in("/etc/x.conf"), []byte("Port = 7\nLevel=1\n"), 0o644))
	at, ok, err := s.changed("/etc/x.conf")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	for _, c := range []struct {
		name   string
		began  int64
		older  bool
		digest string
	}{
		{"/etc/x.conf:Host,Port", at + 2*tick, true, s.Digest("port=7\n")},
		{"/etc/x.conf:Host,Port", at - 1, false, s.Digest("port=7\n")},
		{"/etc/none.conf:Port", 1, true, s.Digest("")},
	} {
		digest, older, err := s.inputNow("keys", c.name, c.began)
		if err != nil || digest != c.digest || older != c.older {
			t.Errorf("%s: %v %v %v", c.name, digest, older, err)
		}
	}
	u := unitState{began: 1, start: 9}
	for kind, want := range map[string]int64{"file": 1, "package": 1, "keys": 9} {
		if got := since(u, machine.Restart, kind); got != want {
			t.Errorf("since of %s: %d, want %d", kind, got, want)
		}
	}
}

// TestMountOf: the mount of a path that need not exist, also through a link.
func TestMountOf(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink("/proc/self", link))
	for path, want := range map[string]string{"/proc/none": "/proc", "/none": "/", link + "/none": "/proc"} {
		if got := mountOf(path); got != want {
			t.Errorf("%s is on %s, want %s", path, got, want)
		}
	}
}
