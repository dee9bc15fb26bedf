package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"muster/transport/boot"
)

// login is a boot.Shell on an SSH connection, which it owns.
type login struct {
	*ssh.Client
	uploads chan struct{}
}

// Start runs a command line in a session of its own.
func (l *login) Start(ctx context.Context, command string) (*boot.Process, error) {
	s, err := l.session(ctx)
	if err != nil {
		return nil, err
	}
	stdin, err1 := s.StdinPipe()
	stdout, err2 := s.StdoutPipe()
	stderr, err3 := s.StderrPipe()
	if err := errors.Join(err1, err2, err3, s.Start(command)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	exit := make(chan int, 1)
	go func() {
		exit <- code(s.Wait())
		_ = s.Close()
	}()
	return &boot.Process{Stdin: stdin, Stdout: stdout, Stderr: stderr, Wait: func() int { return <-exit }}, nil
}

func code(err error) int {
	var e *ssh.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e) && e.Signal() == "":
		return e.ExitStatus()
	}
	return -1
}

// session opens a session. A server that allows one at a time may need a moment
// to forget the last.
func (l *login) session(ctx context.Context) (*ssh.Session, error) {
	for try := 0; ; try++ {
		var s *ssh.Session
		err := l.bounded(ctx, sessionLimit, func() (err error) {
			s, err = l.NewSession()
			return err
		})
		var refused *ssh.OpenChannelError
		if err == nil || try == 10 || !errors.As(err, &refused) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

const (
	sessionLimit = 20 * time.Second
	// uploadLimit is for a piece of an upload, not for all of it: a slow network is
	// not a dead one.
	uploadLimit = 30 * time.Second
	// uploadPiece is the largest piece, in bytes.
	uploadPiece = 256 << 10
)

// bounded runs f; when it takes too long, or the context ends, the connection is
// closed, which is what makes f return.
func (l *login) bounded(ctx context.Context, limit time.Duration, f func() error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	err := f()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// Upload stores a file as ~/.cache/muster/NAME over SFTP. It is complete where it
// has that name.
func (l *login) Upload(ctx context.Context, name string, body io.Reader) (string, error) {
	select {
	case l.uploads <- struct{}{}:
		defer func() { <-l.uploads }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	var c *sftp.Client
	var dir string
	err := l.bounded(ctx, uploadLimit, func() (err error) {
		if c, err = sftp.NewClient(l.Client, sftp.UseConcurrentWrites(true)); err != nil {
			return err
		}
		home, err := c.RealPath(".")
		if err != nil {
			return err
		}
		dir = path.Join(home, ".cache", "muster")
		if err := c.MkdirAll(dir); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		return c.Chmod(dir, 0o700)
	})
	if c != nil {
		defer c.Close()
	}
	if err != nil {
		return "", fmt.Errorf("sftp: %w", err)
	}
	final := path.Join(dir, name)
	if err := l.store(ctx, c, final, body); err != nil {
		return "", fmt.Errorf("sftp: %s: %w", final, err)
	}
	return final, nil
}

func (l *login) store(ctx context.Context, c *sftp.Client, final string, body io.Reader) error {
	part := final + ".part"
	var f *sftp.File
	err := l.bounded(ctx, uploadLimit, func() (err error) {
		if err := c.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if f, err = c.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL); err != nil {
			return err
		}
		return f.Chmod(0o700)
	})
	buf := make([]byte, uploadPiece)
	for err == nil {
		n, end := io.ReadFull(body, buf)
		if n > 0 {
			err = l.bounded(ctx, uploadLimit, func() error { _, err := f.Write(buf[:n]); return err })
		}
		if end != nil {
			err = errors.Join(err, unlessEnd(end))
			break
		}
	}
	return l.bounded(ctx, uploadLimit, func() error {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return errors.Join(err, unlessGone(c.Remove(part)))
		}
		return c.PosixRename(part, final)
	})
}

func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func unlessGone(err error) error {
	if err != nil && (errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "connection lost")) {
		return nil
	}
	return err
}
