package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWriteOrder: a new content is complete, with its mode, and on the disk, before
// it has the file's name; before it has any byte of it, nobody else may read it.
func TestWriteOrder(t *testing.T) {
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprintf("over an old file %v", old), func(t *testing.T) {
			s := testStore(t)
			if old {
				must(t, os.WriteFile(s.in("/etc/key"), []byte("old"), 0o644))
			}
			var did []string
			s.seen = func(op, _ string) {
				did = append(did, op)
				if op != "look" {
					lookAt(t, s, op, old)
				}
			}
			must(t, set(t, t.Context(), s, item("file", "/etc/key", "type", "file", "content", "new secret", "mode", "0400")))
			want := []string{"look", "create", "attributes", "write", "sync", "rename", "sync folder"}
			if !slices.Equal(did, want) {
				t.Errorf("order %v, want %v", did, want)
			}
		})
	}
}

// lookAt checks the file and its temporary one right after a step of a write.
func lookAt(t *testing.T, s *Store, op string, old bool) {
	t.Helper()
	var temp unix.Stat_t
	err := unix.Lstat(s.in("/etc/.key.muster~"), &temp)
	renamed := op == "rename" || op == "sync folder"
	if (err != nil) != renamed {
		t.Errorf("%s: the temporary file: %v", op, err)
	}
	switch {
	case op == "create" && (temp.Mode&0o077 != 0 || temp.Size != 0),
		op == "attributes" && (temp.Mode&0o7777 != 0o400 || temp.Size != 0),
		op == "write" && (temp.Mode&0o7777 != 0o400 || temp.Size != 10):
		t.Errorf("%s: mode %o, %d bytes", op, temp.Mode&0o7777, temp.Size)
	}
	text, err := os.ReadFile(s.in("/etc/key"))
	switch {
	case renamed && string(text) != "new secret", !renamed && old && string(text) != "old", !renamed && !old && err == nil:
		t.Errorf("%s: the file has %q, %v", op, text, err)
	}
}

// TestCutWrite: an agent that ends anywhere in a write leaves the old file or the new
// one, never a piece, and the next write leaves nothing behind.
func TestCutWrite(t *testing.T) {
	for _, at := range []string{"create", "attributes", "write", "sync", "rename", "sync folder"} {
		s := testStore(t)
		must(t, os.WriteFile(s.in("/etc/a.conf"), []byte("old"), 0o644))
		put := func() error {
			return set(t, t.Context(), s, item("file", "/etc/a.conf", "content", "new", "mode", "0640"))
		}
		s.seen = func(op, _ string) {
			if op == at {
				panic("cut")
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: was not reached", at)
				}
			}()
			_ = put()
		}()
		text, err := os.ReadFile(s.in("/etc/a.conf"))
		if err != nil || string(text) != "old" && string(text) != "new" {
			t.Errorf("cut after %s: %q, %v", at, text, err)
		}
		s.seen = nil
		must(t, put())
		left, err := filepath.Glob(s.in("/etc/.*muster*"))
		if text, _ := os.ReadFile(s.in("/etc/a.conf")); err != nil || len(left) > 0 || string(text) != "new" {
			t.Errorf("after %s and once more: %q, left %v, %v", at, text, left, err)
		}
	}
}

// TestHardLink: attributes that are meant for a user's file are not given to root's
// file of which his is another name.
func TestHardLink(t *testing.T) {
	s, home := raceField(t)
	must(t, os.WriteFile(s.in("/etc/victim"), []byte("root's own"), 0o600))
	must(t, os.Link(s.in("/etc/victim"), home+"/conf"))
	must(t, os.Link(s.in("/etc/victim"), s.in("/etc/other")))
	err := set(t, t.Context(), s, item("file", "/home/u/conf", "type", "file", "mode", "0666", "owner", "nobody"))
	var st unix.Stat_t
	must(t, unix.Stat(s.in("/etc/victim"), &st))
	if os.Geteuid() == 0 && (err == nil || !strings.Contains(err.Error(), "hard link") || st.Mode&0o777 != 0o600 || st.Uid != 0) {
		t.Errorf("%v; mode %o, owner %d", err, st.Mode, st.Uid)
	}
	// Where only root may link, a link is root's will.
	must(t, set(t, t.Context(), s, item("file", "/etc/other", "type", "file", "mode", "0640")))
}

// TestAccessListOfAnother: whoever made a file may have let himself in by an access
// list; it does not come along when the file becomes root's.
func TestAccessListOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root gives files away
	}
	// user::rw-, user:65534:rw-, group::r--, mask::rw-, other::---
	acl := "\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x06\x00\xfe\xff\x00\x00" + "\x04\x00\x04\x00\xff\xff\xff\xff" +
		"\x10\x00\x06\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"
	s, home := raceField(t)
	for name, kept := range map[string]bool{"/etc/own": true, "/home/u/conf": false} {
		must(t, os.WriteFile(s.in(name), []byte("old"), 0o640))
		if strings.HasPrefix(s.in(name), home) {
			must(t, os.Chown(s.in(name), attackerID, -1))
		}
		if err := unix.Setxattr(s.in(name), accessList, []byte(acl), 0); err != nil {
			t.Fatalf("access lists on %s: %v", s.root, err)
		}
		must(t, set(t, t.Context(), s, item("file", name, "type", "file", "content", "secret", "mode", "0640", "owner", "root")))
		_, err := unix.Getxattr(s.in(name), accessList, make([]byte, 1024))
		if (err == nil) != kept {
			t.Errorf("%s: access list kept: %v", name, err == nil)
		}
	}
}
