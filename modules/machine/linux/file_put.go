package linux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

// attr is what a file is to have beside its content; -1 leaves an id as it is.
type attr struct {
	mode     uint32
	uid, gid int
}

// putFile makes a file, directory or link as wanted, or removes it.
func (s *Store) putFile(_ context.Context, it machine.Item, was machine.State) error {
	name := it.Ref.Key
	p, err := find(s.root, name)
	if err != nil {
		return fileError(name, "write", err)
	}
	defer p.close()
	p.seen = s.seen
	now, err := p.stat()
	if absent(err) {
		now = stat{}
	} else if err != nil {
		return fileError(name, "write", err)
	}
	p.did("look", p.base)
	if it.Want == nil {
		return s.remove(p, now)
	}
	kind := it.Want.Get("type").S
	if kind == "" {
		kind = now.kind
	}
	if err := s.clear(p, &now, kind); err != nil {
		return fileError(name, "write", err)
	}
	if kind == "link" {
		return s.putLink(p, it.Want)
	}
	a, err := s.attrs(it.Want, now, kind)
	if err != nil {
		return fileError(name, "write", err)
	}
	switch {
	case kind == "directory":
		err = p.putDirectory(now, a)
	case now.kind == "file" && sameContent(was, it.Want):
		err = p.putAttrs(a, now)
	default:
		err = p.putContent(it.Want.Get("content").S, a, now)
	}
	if err != nil {
		return fileError(name, "write", err)
	}
	return nil
}

// sameContent says that only attributes differ, so that the file stays the file
// it is (its inode, for those who hold it open).
func sameContent(was, want machine.State) bool {
	w, ok := want["content"]
	h, has := was["content"]
	return !ok || (has && h.S == w.S)
}

// clear takes away what cannot be replaced in one move: an empty directory.
// Everything else of another kind is refused, because muster cannot know what is
// lost with it.
func (s *Store) clear(p place, now *stat, kind string) error {
	switch {
	case kind != "file" && kind != "directory" && kind != "link":
		return fmt.Errorf("type %q: a file, directory or link can be written", kind)
	case now.kind == "" || now.kind == kind:
		return nil
	case now.kind == "special":
		return errors.New("a device, socket or pipe is there: it is not replaced")
	case kind == "directory":
		return fmt.Errorf("a %s is there: it is not replaced by a directory", now.kind)
	case now.kind == "directory":
		err := unix.Unlinkat(p.dir, p.base, unix.AT_REMOVEDIR)
		if err == nil {
			*now = stat{}
			return nil
		}
		return fmt.Errorf("a directory is there and it is not empty: it is not replaced by a %s", kind)
	}
	return nil
}

func (s *Store) remove(p place, now stat) error {
	flags := 0
	switch now.kind {
	case "":
		return nil
	case "directory":
		flags = unix.AT_REMOVEDIR
	case "special":
		return fileError(p.path, "remove", errors.New("it is a device, socket or pipe"))
	}
	err := unix.Unlinkat(p.dir, p.base, flags)
	if errors.Is(err, unix.ENOTEMPTY) {
		return fileError(p.path, "remove", errors.New("the directory is not empty"))
	}
	if err == nil {
		err = p.sync()
	}
	if err != nil {
		return fileError(p.path, "remove", err)
	}
	return nil
}

// attrs resolves the wanted attributes; what is not asked for stays as it is, and
// is root's with a usual mode on a new file.
func (s *Store) attrs(want machine.State, now stat, kind string) (attr, error) {
	a := attr{mode: now.mode, uid: now.uid, gid: now.gid}
	if now.kind != kind {
		a.mode = map[string]uint32{"file": 0o644, "directory": 0o755}[kind]
		a.uid, a.gid = os.Geteuid(), os.Getegid()
	}
	var err error
	if v, ok := want["mode"]; ok {
		if a.mode, err = octal(v.S); err != nil {
			return a, err
		}
	}
	if v, ok := want["owner"]; ok {
		if a.uid, err = s.accounts.uid(v.S); err != nil {
			return a, err
		}
	}
	if v, ok := want["group"]; ok {
		if a.gid, err = s.accounts.gid(v.S); err != nil {
			return a, err
		}
	}
	return a, nil
}

// set gives an open file its attributes: the owner first, because a change of
// owner takes setuid bits away.
func (a attr) set(f *os.File) error {
	return errors.Join(f.Chown(a.uid, a.gid), unix.Fchmod(int(f.Fd()), a.mode))
}

func (p place) putAttrs(a attr, now stat) error {
	f, err := p.open(unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	if a == (attr{now.mode, now.uid, now.gid}) {
		return nil
	}
	if err := p.alone(f); err != nil {
		return err
	}
	return errors.Join(a.set(f), f.Sync())
}

// alone refuses a file that has other names, in a folder into which others than root
// (or the agent's own user) may link: what is meant for this name would be done to
// somebody else's file.
func (p place) alone(f *os.File) error {
	var file, dir unix.Stat_t
	if err := errors.Join(unix.Fstat(int(f.Fd()), &file), unix.Fstat(p.dir, &dir)); err != nil {
		return err
	}
	theirs := dir.Uid != 0 && int(dir.Uid) != os.Geteuid() || dir.Mode&0o022 != 0
	if theirs && file.Nlink > 1 {
		return fmt.Errorf("it is a hard link, one of %d, in a folder that others may write: it is left alone", file.Nlink)
	}
	return nil
}

func (p place) putDirectory(now stat, a attr) error {
	if now.kind == "" {
		// Nobody else may enter before it has its owner and mode.
		err := unix.Mkdirat(p.dir, p.base, 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		p.did("create", p.base)
	}
	f, err := p.open(unix.O_RDONLY | unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(a.set(f), p.sync())
}

func (s *Store) putLink(p place, want machine.State) error {
	target := want.Get("target").S
	temp := p.temporary()
	unix.Unlinkat(p.dir, temp, 0)
	err := unix.Symlinkat(target, p.dir, temp)
	p.did("create", temp)
	if err == nil {
		err = s.ownLink(p.dir, temp, want)
	}
	if err == nil {
		err = unix.Renameat(p.dir, temp, p.dir, p.base)
	}
	if err != nil {
		unix.Unlinkat(p.dir, temp, 0)
		return fileError(p.path, "link", err)
	}
	if err := p.sync(); err != nil {
		return fileError(p.path, "link", err)
	}
	return nil
}

func (s *Store) ownLink(dir int, name string, want machine.State) error {
	uid, gid := -1, -1
	var err error
	if v, ok := want["owner"]; ok {
		if uid, err = s.accounts.uid(v.S); err != nil {
			return err
		}
	}
	if v, ok := want["group"]; ok {
		if gid, err = s.accounts.gid(v.S); err != nil {
			return err
		}
	}
	if uid < 0 && gid < 0 {
		return nil
	}
	// Of the link that is there, and of nothing that took its place meanwhile.
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return errors.New("something else has taken the link's place")
	}
	return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
}

// temporary is the name of the file while it is written. It is always the same,
// so that what a killed agent left behind is taken away by the next write, and it
// begins with a dot, so that conf.d folders do not read it.
func (p place) temporary() string {
	base := p.base
	if len(base) > 200 {
		base = base[:200]
	}
	return "." + strings.TrimPrefix(base, ".") + ".muster~"
}

// sync makes the folder's entries durable.
func (p place) sync() error {
	fd, err := unix.Openat(p.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// Some network and container file systems cannot sync a folder.
	err = unix.Fsync(fd)
	p.did("sync folder", ".")
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}
