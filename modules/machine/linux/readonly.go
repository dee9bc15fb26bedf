package linux

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// ReadOnly runs f where every file system is read-only, held by the kernel, except
// muster's lists and caches of packages and a private, empty /tmp. f and all programs it starts must
// stay on its goroutine's thread: what another goroutine does is not held. Devices
// and sockets still work, except those through which a program could ask systemd to
// do what it cannot do itself; the agent's own connection is made outside (bus).
// Programs have root's name and few of its powers (planCaps).
//
// The thread with that view of the file system ends with f; the process goes on
// as it was.
func (s *Store) ReadOnly(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// f may end its goroutine (runtime.Goexit); nobody may wait for it then.
		var err error
		defer func() { done <- err }()
		// Never unlocked: the runtime ends the thread with the goroutine, so that no
		// other goroutine ever runs in this namespace.
		runtime.LockOSThread()
		own := filepath.Join(s.dir, "apt") // the one folder of muster's that programs write
		if err = errors.Join(os.MkdirAll(own, 0o755), seal(own), boundPrograms()); err != nil {
			err = fmt.Errorf("read-only view: %w", err)
			return
		}
		err = errors.New("read-only view: left before its end")
		err = f()
	}()
	return <-done
}

// seal makes the calling thread's own view of the file system read-only.
func seal(dir string) error {
	writable, err := ownView(dir)
	if err != nil {
		return err
	}
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	err = unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, attr)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		// Before Linux 5.12, or under a filter that does not know the call.
		return sealEach(writable)
	}
	if err != nil {
		return fmt.Errorf("mount / read-only: %w", err)
	}
	for _, w := range writable {
		attr := &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(unix.AT_FDCWD, w, 0, attr); err != nil {
			return fmt.Errorf("mount %s writable: %w", w, err)
		}
	}
	return nil
}

// ownView gives the calling thread a mount namespace of its own, in which a folder of
// muster's and an empty /tmp are mounts that can stay writable. It names them.
func ownView(dir string) (writable []string, err error) {
	// CLONE_FS: working directory and umask are shared between threads otherwise, and
	// a shared one cannot enter another namespace. CLONE_NEWUTS: the host name is set
	// by a system call, which no mount stops.
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS | unix.CLONE_NEWUTS); err != nil {
		return nil, fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("mount / private: %w", err)
	}
	if err := hide(systemdSockets); err != nil {
		return nil, err
	}
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("mount %s: %w", dir, err)
	}
	if within("/tmp", dir) {
		return []string{dir}, nil // only in tests: an own /tmp would hide it
	}
	if err := unix.Mount("tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777,size=256m"); err != nil {
		return nil, fmt.Errorf("mount /tmp: %w", err)
	}
	return []string{dir, "/tmp"}, nil
}

// systemdSockets are where systemd, and what it starts on demand, takes orders:
// the system bus, its own socket for root, and Varlink. Those in /run/systemd/userdb
// only answer questions about users, which getent asks.
var systemdSockets = []string{"/run/dbus", "/run/systemd/private", "/run/systemd/io.systemd.*"}

// hide covers what matches the patterns: folders with empty ones, the rest with
// /dev/null, which no program can connect to.
func hide(patterns []string) error {
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("hide %s: %w", pattern, err)
		}
		for _, path := range paths {
			if err := cover(path); err != nil {
				return fmt.Errorf("hide %s: %w", path, err)
			}
		}
	}
	return nil
}

func cover(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a socket may go at any time
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return unix.Mount("tmpfs", path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=755,size=4k")
	}
	return unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// sealEach turns mounts read-only one by one, keeping their other options.
func sealEach(writable []string) error {
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	// Only the uppermost mount of a path can be reached.
	top := map[string]uintptr{}
	var order []string
	for _, m := range parseMounts(string(text)) {
		if _, ok := top[m.path]; !ok {
			order = append(order, m.path)
		}
		top[m.path] = m.flags
	}
	for _, w := range writable {
		delete(top, w)
	}
	for _, path := range order {
		flags, ok := top[path]
		if !ok || flags&unix.MS_RDONLY != 0 {
			continue
		}
		err := unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
		// A mount that lies under another one cannot be named, nor written through.
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("mount %s read-only: %w", path, err)
		}
	}
	return nil
}

type mount struct {
	path  string
	flags uintptr
}

// mountFlags are the options of one mount point (not of its file system).
var mountFlags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"noatime": unix.MS_NOATIME, "nodiratime": unix.MS_NODIRATIME, "relatime": unix.MS_RELATIME,
}

// mountOf is the mount point that a path lies below, "/" where that is not known.
func mountOf(path string) string {
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	best := "/"
	text, _ := os.ReadFile("/proc/thread-self/mountinfo") // it is for a hint only
	for _, m := range parseMounts(string(text)) {
		if within(m.path, path) && len(m.path) > len(best) {
			best = m.path
		}
	}
	return best
}

// parseMounts reads mountinfo (proc(5)): the fifth field is the mount point with
// octal escapes, the sixth its options.
func parseMounts(text string) []mount {
	var out []mount
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		m := mount{path: unescape.Replace(f[4])}
		for option := range strings.SplitSeq(f[5], ",") {
			m.flags |= mountFlags[option]
		}
		out = append(out, m)
	}
	return out
}
