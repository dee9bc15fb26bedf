package linux

import (
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links one path may go through; the kernel's own
// limit (MAXSYMLINKS).
const maxLinks = 40

// place is a name in an opened folder. What is done to it is done to that folder,
// also when somebody swaps the path above it meanwhile.
type place struct {
	dir  int // O_PATH
	base string
	path string
	// seen is told what was done to the file of a name in the folder; tests look at
	// it then. It may be nil.
	seen func(op, name string)
}

func (p place) did(op, name string) {
	if p.seen != nil {
		p.seen(op, name)
	}
}

func (p place) close() { unix.Close(p.dir) }

// find walks to the folder of an absolute path, component by component. Links
// on the way are followed only where root (or the agent's own user) made them, so
// that no user of the node can lead a write elsewhere.
func find(root, name string) (place, error) {
	if !path.IsAbs(name) || path.Clean(name) != name || name == "/" {
		return place{}, fmt.Errorf("path %q: must be absolute and without . or .. or a slash at the end", name)
	}
	w := walker{}
	defer w.close()
	top, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return place{}, &os.PathError{Op: "open", Path: root, Err: err}
	}
	w.stack = []int{top}
	dir, base := path.Split(name)
	w.todo = split(dir)
	for len(w.todo) > 0 {
		next := w.todo[0]
		w.todo = w.todo[1:]
		if err := w.step(next); err != nil {
			return place{}, &os.PathError{Op: "open", Path: dir, Err: err}
		}
	}
	fd, err := unix.FcntlInt(uintptr(w.top()), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return place{}, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return place{dir: fd, base: base, path: name}, nil
}

// walker holds the open folders from the root down to where it is.
type walker struct {
	stack []int
	todo  []string
	links int
}

func (w *walker) top() int { return w.stack[len(w.stack)-1] }

func (w *walker) close() { w.back(0) }

func (w *walker) back(depth int) {
	for len(w.stack) > depth {
		unix.Close(w.top())
		w.stack = w.stack[:len(w.stack)-1]
	}
}

func (w *walker) step(name string) error {
	if name == ".." {
		w.back(max(1, len(w.stack)-1))
		return nil
	}
	fd, err := unix.Openat(w.top(), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		w.stack = append(w.stack, fd)
		return nil
	case unix.S_IFLNK:
		defer unix.Close(fd)
		return w.follow(fd, name, st.Uid)
	}
	unix.Close(fd)
	return unix.ENOTDIR
}

func (w *walker) follow(fd int, name string, owner uint32) error {
	if owner != 0 && int(owner) != os.Geteuid() {
		return fmt.Errorf("%s is a link that user %d made: %w", name, owner, unix.EPERM)
	}
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	target, err := readLink(fd, "")
	if err != nil {
		return err
	}
	if path.IsAbs(target) {
		w.back(1)
	}
	w.todo = append(split(target), w.todo...)
	return nil
}

func readLink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// split gives the components of a path that mean something.
func split(p string) []string {
	var out []string
	for part := range strings.SplitSeq(p, "/") {
		if part != "" && part != "." {
			out = append(out, part)
		}
	}
	return out
}
