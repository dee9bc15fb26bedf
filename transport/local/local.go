// Package local reaches the machine that muster itself runs on, through a child
// process instead of SSH.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"muster/transport"
	"muster/transport/boot"
)

// Target is this machine.
type Target struct {
	Name string // as in the inventory, for messages
	// Become goes through sudo; without it muster has to be root.
	Become bool
}

// Dial starts the agent here, installing it first where it is missing. The error
// is a *transport.Error.
func Dial(ctx context.Context, t Target, agents transport.Agents, args transport.AgentArgs) (*transport.Conn, error) {
	c, err := boot.Start(ctx, &shell{}, boot.Options{AgentArgs: args, Agents: agents, Become: t.Become})
	var e *transport.Error
	if errors.As(err, &e) {
		e.Host = t.Name
	}
	return c, err
}

// shell is a boot.Shell that owns the pipes of its children. It never kills one:
// an agent ends when its input does, after what it is writing.
type shell struct {
	mu    sync.Mutex
	pipes []io.Closer
}

// Start runs a command line in a shell of its own.
func (s *shell) Start(_ context.Context, command string) (*boot.Process, error) {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Dir = "/"
	var mine, theirs []*os.File
	for i, end := range []func(f *os.File){
		func(f *os.File) { cmd.Stdin = f }, func(f *os.File) { cmd.Stdout = f }, func(f *os.File) { cmd.Stderr = f },
	} {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, errors.Join(err, closeAll(mine), closeAll(theirs))
		}
		if i > 0 {
			r, w = w, r
		}
		end(r)
		theirs, mine = append(theirs, r), append(mine, w)
	}
	err := cmd.Start()
	if err := errors.Join(err, closeAll(theirs)); err != nil {
		return nil, errors.Join(err, closeAll(mine))
	}
	s.mu.Lock()
	for _, f := range mine {
		s.pipes = append(s.pipes, f)
	}
	s.mu.Unlock()
	exit := make(chan int, 1)
	go func() {
		_ = cmd.Wait()
		exit <- cmd.ProcessState.ExitCode()
	}()
	return &boot.Process{Stdin: mine[0], Stdout: mine[1], Stderr: mine[2], Wait: func() int { return <-exit }}, nil
}

func closeAll(files []*os.File) (err error) {
	for _, f := range files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// Close closes the pipes.
func (s *shell) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pipes {
		_ = p.Close() // some are closed already
	}
	s.pipes = nil
	return nil
}

// Upload stores the file in the user's cache.
func (s *shell) Upload(_ context.Context, name string, body io.Reader) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "muster")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+"-"+strings.ToLower(rand.Text()[:8]))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, body)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return path, nil
}
