package ssh

import (
	"context"
	"crypto/rand"
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

// Upload stores a file in ~/.cache/muster over SFTP, under a name that no other
// upload has: several controllers may meet on a bare node.
func (l *login) Upload(ctx context.Context, name string, body io.Reader) (string, error) {
	select {
	case l.uploads <- struct{}{}:
		defer func() { <-l.uploads }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	s, err := l.session(ctx)
	if err != nil {
		return "", fmt.Errorf("sftp: %w", err)
	}
	defer s.Close()
	var c *sftp.Client
	var f *sftp.File
	said := &answers{left: maxAnswers}
	err = l.bounded(ctx, uploadLimit, func() (err error) {
		if c, err = startSFTP(s, said); err != nil {
			return err
		}
		f, err = create(c, name+"-"+strings.ToLower(rand.Text()[:8]))
		return err
	})
	err = said.why(err)
	if c != nil {
		defer c.Close()
	}
	if err != nil {
		return "", fmt.Errorf("sftp: %w", err)
	}
	if err := l.fill(ctx, f, body); err != nil {
		_ = c.Remove(f.Name()) // or the next upload does it
		return "", fmt.Errorf("sftp: %s: %w", f.Name(), err)
	}
	return f.Name(), nil
}

func startSFTP(s *ssh.Session, said *answers) (*sftp.Client, error) {
	in, err1 := s.StdinPipe()
	out, err2 := s.StdoutPipe()
	if err := errors.Join(err1, err2, s.RequestSubsystem("sftp")); err != nil {
		return nil, err
	}
	said.r = out
	return sftp.NewClientPipe(said, in, sftp.UseConcurrentWrites(true))
}

// create makes the file, and removes what an upload left that was cut off a day
// ago or earlier.
func create(c *sftp.Client, name string) (*sftp.File, error) {
	home, err := c.RealPath(".")
	if err != nil {
		return nil, err
	}
	dir := path.Join(home, ".cache", "muster")
	if err := c.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := c.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	old, err := c.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, i := range old {
		if strings.HasPrefix(i.Name(), "agent-") && time.Since(i.ModTime()) > 24*time.Hour {
			_ = c.Remove(path.Join(dir, i.Name()))
		}
	}
	f, err := c.OpenFile(path.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, f.Chmod(0o600)
}

// fill writes the body and closes the file.
func (l *login) fill(ctx context.Context, f *sftp.File, body io.Reader) error {
	buf := make([]byte, uploadPiece)
	for {
		n, end := io.ReadFull(body, buf)
		err := l.bounded(ctx, uploadLimit, func() error {
			if n == 0 {
				return nil
			}
			_, err := f.Write(buf[:n])
			return err
		})
		switch {
		case err != nil:
			return err
		case errors.Is(end, io.EOF) || errors.Is(end, io.ErrUnexpectedEOF):
			return l.bounded(ctx, uploadLimit, f.Close)
		case end != nil:
			return end
		}
	}
}
