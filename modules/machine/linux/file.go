package linux

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

// maxContent is the largest file whose content is compared, in bytes. What muster
// writes is configuration; a larger file is a sign of a wrong path.
const maxContent = 4 << 20

// stat is what the tables need of a lstat.
type stat struct {
	kind     string // file, directory, link, or special
	mode     uint32 // permission bits with setuid, setgid and sticky
	uid, gid int
	changed  int64 // ctime in microseconds of Unix time
}

func (p place) stat() (stat, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(p.dir, p.base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return stat{}, &os.PathError{Op: "stat", Path: p.path, Err: err}
	}
	kind, ok := map[uint32]string{
		unix.S_IFREG: "file", unix.S_IFDIR: "directory", unix.S_IFLNK: "link",
	}[st.Mode&unix.S_IFMT]
	if !ok {
		kind = "special"
	}
	return stat{kind: kind, mode: st.Mode & 0o7777, uid: int(st.Uid), gid: int(st.Gid),
		changed: st.Ctim.Nano() / 1000}, nil
}

// absent says that there is nothing at a path, or no folder that it could be in.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)
}

// readFile gives type, mode, owner and group, for a link its target, and the
// content where it is asked for.
func (s *Store) readFile(name string, fields []string) (machine.State, error) {
	p, err := find(s.root, name)
	if absent(err) {
		return nil, nil
	} else if err != nil {
		return nil, fileError(name, "read", err)
	}
	defer p.close()
	st, err := p.stat()
	if absent(err) {
		return nil, nil
	} else if err != nil {
		return nil, fileError(name, "read", err)
	}
	out := machine.State{"type": machine.Text(st.kind)}
	out["owner"], err = s.accounts.userName(st.uid)
	if err != nil {
		return nil, fileError(name, "owner", err)
	}
	out["group"], err = s.accounts.groupName(st.gid)
	if err != nil {
		return nil, fileError(name, "group", err)
	}
	if st.kind == "link" {
		target, err := readLink(p.dir, p.base)
		if err != nil {
			return nil, fileError(name, "read", err)
		}
		out["target"] = machine.Text(target)
		return out, nil
	}
	out["mode"] = machine.Text(fmt.Sprintf("%04o", st.mode))
	if st.kind == "file" && asked(fields, "content") {
		content, err := p.content()
		if err != nil {
			return nil, fileError(name, "read", err)
		}
		out["content"] = machine.Text(content)
	}
	return out, nil
}

func asked(fields []string, name string) bool {
	for _, f := range fields {
		if f == name {
			return true
		}
	}
	return false
}

// content reads a regular file. It never waits on a pipe that has taken the
// file's place.
func (p place) content() (string, error) {
	f, err := p.open(unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxContent+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxContent {
		return "", fmt.Errorf("larger than %d bytes: muster compares no such contents", maxContent)
	}
	return string(b), nil
}

// open opens the name itself: never what a link there leads to.
func (p place) open(flags int) (*os.File, error) {
	fd, err := unix.Openat(p.dir, p.base, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: p.path, Err: err}
	}
	return os.NewFile(uintptr(fd), p.path), nil
}

// changed is when a path's content or attributes last changed, in microseconds of
// Unix time; for a link, the later one of the link and what it leads to. ok is
// false where there is nothing.
func (s *Store) changed(name string) (at int64, ok bool, err error) {
	p, err := find(s.root, name)
	if absent(err) {
		return 0, false, nil
	} else if err != nil {
		return 0, false, fileError(name, "read", err)
	}
	defer p.close()
	st, err := p.stat()
	if absent(err) {
		return 0, false, nil
	} else if err != nil {
		return 0, false, fileError(name, "read", err)
	}
	if st.kind == "link" {
		var to unix.Stat_t
		if unix.Fstatat(p.dir, p.base, &to, 0) == nil {
			return max(st.changed, to.Ctim.Nano()/1000), true, nil
		}
	}
	return st.changed, true, nil
}

// fileError puts the file's name before a cause that may already have it, and
// says what the errors mean that have nothing to do with this file.
func fileError(name, op string, err error) error {
	e := &machine.Error{Object: "file[" + name + "]", Op: op, Err: err}
	var pe *os.PathError
	if errors.As(err, &pe) && pe.Path == name {
		e.Err = pe.Err
	}
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		m := mountOf(name)
		e.Hint = fmt.Sprintf("the file system mounted on %s is out of space or inodes: df -h %s and df -i %s on the node", m, m, m)
	case errors.Is(err, unix.EROFS):
		e.Hint = "the file system mounted on " + mountOf(name) + " is read-only; the kernel does that after an I/O error: see dmesg on the node"
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "the folder that it belongs into does not exist; a directory step can make it"
	}
	return e
}

// octal reads a mode as it stands in a state.
func octal(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n > 0o7777 {
		return 0, fmt.Errorf("mode %q: four octal digits are needed", text)
	}
	return uint32(n), nil
}
