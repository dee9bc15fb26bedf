package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

// lockFiles are the files that dpkg and apt lock (fcntl locks; the files themselves
// always exist and mean nothing).
var lockFiles = []string{"var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock", "var/cache/apt/archives/lock"}

// waitLocks waits until nobody holds the package system, and says who does
// meanwhile. apt would wait silently.
func (s *Store) waitLocks(ctx context.Context) error {
	start, told := time.Now(), time.Time{}
	for {
		holder, err := s.lockHolder()
		if err != nil || holder == "" {
			return err
		}
		if time.Since(start) > lockTime {
			return lockError(holder, start)
		}
		if time.Since(told) > 30*time.Second {
			say(ctx, "waiting for the package lock, held by "+holder)
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return lockError(holder, start)
		case <-time.After(time.Second):
		}
	}
}

// lockError says who did not let go of the package system.
func lockError(holder string, since time.Time) error {
	waited := time.Since(since).Round(time.Second)
	return &machine.Error{Object: "package lock", Op: "wait", Err: fmt.Errorf("held by %s, not free within %s", holder, waited),
		Hint: "let that process end on the node (unattended-upgrades takes minutes), then run the same again; no lock is ever taken away by force"}
}

// lockHolder names who holds one of the locks: "apt-get (process 4711)".
func (s *Store) lockHolder() (string, error) {
	for _, name := range lockFiles {
		f, err := os.OpenFile(filepath.Join(s.root, name), os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return "", fmt.Errorf("package lock: %w", err)
		}
		lk := unix.Flock_t{Type: unix.F_WRLCK}
		err = unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lk)
		f.Close()
		if err != nil {
			return "", fmt.Errorf("package lock: %w", err)
		}
		if lk.Type != unix.F_UNLCK {
			return processName(int(lk.Pid)), nil
		}
	}
	return "", nil
}

// processName names a process; one of another container has no number here.
func processName(pid int) string {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("%s (process %d)", strings.TrimSpace(string(comm)), pid)
}
