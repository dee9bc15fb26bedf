package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// cacheDir is a folder of the lab in the user's cache, made if missing. What lies
// there outlives labs: locks, fetched packages, kernel settings to put back.
func cacheDir(part string) (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("lab: cache folder: %w", err)
	}
	dir := filepath.Join(root, "muster", "lab", part)
	return dir, os.MkdirAll(dir, 0o755)
}

// lockLab takes the lock of one lab for the time of a command that changes it. The
// kernel drops it with the process, so a killed command leaves no stale lock.
func lockLab(name string) (release func(), err error) {
	file, err := lockFile("lab-" + name)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		file.Close()
		return nil, fmt.Errorf("lab %s: another muster is making or removing it", name)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lab %s: lock: %w", name, err)
	}
	return func() { file.Close() }, nil
}

// waitLock takes a lock that labs share, such as the one on building an image,
// and waits for it.
func waitLock(ctx context.Context, name string) (release func(), err error) {
	file, err := lockFile(name)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("lab: lock %s: %w", name, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func lockFile(name string) (*os.File, error) {
	dir, err := cacheDir("locks")
	if err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
}
