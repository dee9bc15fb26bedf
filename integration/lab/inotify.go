package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	inotifyFile = "/proc/sys/fs/inotify/max_user_instances"
	// inotifyWanted is enough for some dozens of nodes: systemd and its friends take
	// about ten instances in each, and all root users of all nodes share one limit.
	inotifyWanted = 1024
)

// raiseInotify raises the host's limit if it can, and remembers the old value until
// the last lab is gone.
func (l *Lab) raiseInotify(ctx context.Context) error {
	release, err := waitLock(ctx, "inotify")
	if err != nil {
		return err
	}
	defer release()
	now, err := readNumber(inotifyFile)
	if err != nil || now >= inotifyWanted {
		return err
	}
	dir, err := cacheDir("kernel")
	if err != nil {
		return err
	}
	saved := filepath.Join(dir, filepath.Base(inotifyFile))
	if err := os.WriteFile(saved, []byte(strconv.Itoa(now)), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(inotifyFile, []byte(strconv.Itoa(inotifyWanted)), 0); err != nil {
		l.say("fs.inotify.max_user_instances is %d, too few for many nodes: set it to %d (%v)", now, inotifyWanted, err)
		return os.Remove(saved)
	}
	l.say("raised fs.inotify.max_user_instances of this host from %d to %d until the last lab is gone", now, inotifyWanted)
	return nil
}

// lowerInotify puts the host's own limit back when no lab is left.
func (l *Lab) lowerInotify(ctx context.Context) error {
	release, err := waitLock(ctx, "inotify")
	if err != nil {
		return err
	}
	defer release()
	dir, err := cacheDir("kernel")
	if err != nil {
		return err
	}
	saved := filepath.Join(dir, filepath.Base(inotifyFile))
	old, err := readNumber(saved)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	labs, errLabs := dockerLines(ctx, "network", "ls", "-q", "--filter", "label="+labelLab)
	now, errNow := readNumber(inotifyFile)
	if err := errors.Join(err, errLabs, errNow); err != nil || len(labs) > 0 {
		return err
	}
	if now == inotifyWanted { // else someone else has set it meanwhile
		if err := os.WriteFile(inotifyFile, []byte(strconv.Itoa(old)), 0); err != nil {
			return fmt.Errorf("lab: put fs.inotify.max_user_instances back to %d: %w", old, err)
		}
		l.say("put fs.inotify.max_user_instances of this host back to %d", old)
	}
	return os.Remove(saved)
}

func readNumber(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
