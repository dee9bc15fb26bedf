package linux

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// putContent replaces a file as a whole: a temporary file in the same folder has
// owner and mode before it has any content, is on the disk before it is renamed.
func (p place) putContent(content string, a attr, now stat) error {
	temp := p.temporary()
	unix.Unlinkat(p.dir, temp, 0)
	fd, err := unix.Openat(p.dir, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), p.path)
	defer f.Close()
	p.did("create", temp)
	err = a.set(f)
	if err == nil && now.kind == "file" {
		// An access list brings its own idea of the mode.
		err = errors.Join(p.keepLabels(f, now.uid == a.uid), unix.Fchmod(fd, a.mode))
	}
	if err == nil {
		p.did("attributes", temp)
		_, err = f.WriteString(content)
		p.did("write", temp)
	}
	if err == nil {
		err = f.Sync()
		p.did("sync", temp)
	}
	if err == nil {
		err = unix.Renameat(p.dir, temp, p.dir, p.base)
		p.did("rename", temp)
	}
	if err != nil {
		unix.Unlinkat(p.dir, temp, 0)
	}
	if errors.Is(err, unix.EBUSY) {
		return p.overwrite(content, a)
	}
	return errors.Join(err, p.sync())
}

// overwrite writes in place. A file that is itself a mount point (containers mount
// /etc/hosts and /etc/hostname) cannot be renamed over.
func (p place) overwrite(content string, a attr) error {
	f, err := p.open(unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(p.alone(f), a.set(f)); err != nil {
		return err
	}
	// Cut last: who reads meanwhile finds too much rather than nothing.
	if _, err := f.WriteAt([]byte(content), 0); err != nil {
		return err
	}
	return errors.Join(f.Truncate(int64(len(content))), f.Sync())
}

// keepLabels carries security labels (SELinux, SMACK) and access lists over to
// the file that takes the old one's place. Capabilities and measurements belong to
// the old content and are not carried. Neither is the access list of a file that
// changes its owner: who made it may have let himself in.
func (p place) keepLabels(to *os.File, list bool) error {
	from, err := p.open(unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer from.Close()
	names := make([]byte, 64<<10)
	n, err := unix.Flistxattr(int(from.Fd()), names)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		return nil
	} else if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names[:n]), "\x00"), "\x00") {
		if !carried(name) || name == accessList && !list {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Fgetxattr(int(from.Fd()), name, value)
		if err != nil {
			return err
		}
		if err := unix.Fsetxattr(int(to.Fd()), name, value[:n], 0); err != nil {
			return err
		}
	}
	return nil
}

const accessList = "system.posix_acl_access"

func carried(name string) bool {
	switch name {
	case "security.capability", "security.ima", "security.evm":
		return false
	case accessList:
		return true
	}
	return strings.HasPrefix(name, "security.")
}
