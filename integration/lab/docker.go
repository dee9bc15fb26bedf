package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// killGrace is how long a child may clean up after its context ended before it
// is killed. mmdebstrap needs some seconds to remove a half-made file system.
const killGrace = 20 * time.Second

// docker runs the docker command and returns its standard output, trimmed.
func docker(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	err := dockerIO(ctx, nil, &out, args...)
	return strings.TrimSpace(out.String()), err
}

// dockerIO is docker with standard input and output given.
func dockerIO(ctx context.Context, in io.Reader, out io.Writer, args ...string) error {
	cmd := child(ctx, "docker", args...)
	cmd.Stdin, cmd.Stdout = in, out
	return runChild(ctx, cmd)
}

// dockerLines is docker for lists: the lines of its output, none if it is empty.
func dockerLines(ctx context.Context, args ...string) ([]string, error) {
	out, err := docker(ctx, args...)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(out, "\n"), nil
}

// child prepares a command in a process group of its own, so that Ctrl-C at the
// terminal reaches only this process, which then ends its children in order.
func child(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killGrace
	return cmd
}

// runChild runs cmd; its error carries the last line that it wrote to stderr.
func runChild(ctx context.Context, cmd *exec.Cmd) error {
	var stderr bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &stderr
	}
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", verb(cmd.Args), context.Cause(ctx))
	}
	if text := strings.TrimSpace(stderr.String()); text != "" {
		lines := strings.Split(text, "\n")
		return &commandError{verb(cmd.Args), lines[len(lines)-1], err}
	}
	return fmt.Errorf("%s: %w", verb(cmd.Args), err)
}

// commandError is a child that ended badly and said why on stderr.
type commandError struct {
	verb, last string
	cause      error
}

func (e *commandError) Error() string { return e.verb + ": " + e.last }

// Unwrap gives access to the exit status.
func (e *commandError) Unwrap() error { return e.cause }

// verb names a command in errors: `docker network create`, not all of its flags.
func verb(argv []string) string {
	words := []string{argv[0]}
	for _, arg := range argv[1:] {
		if strings.HasPrefix(arg, "-") || len(words) == 3 {
			break
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// daemon is what the docker daemon says of the host that a lab needs to know.
type daemon struct {
	CgroupVersion string
	ServerErrors  []string // why the daemon itself gave no answer; some clients exit 0 then
}

// reachDaemon asks the docker daemon for its settings; an error says what to do.
func reachDaemon(ctx context.Context) (daemon, error) {
	var found daemon
	if _, err := exec.LookPath("docker"); err != nil {
		return found, errors.New("docker: not installed; a lab's nodes are containers (apt-get install docker.io)")
	}
	out, err := docker(ctx, "info", "--format", "{{json .}}")
	if err != nil {
		return found, unreachable(err.Error())
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		return found, fmt.Errorf("docker info: %w", err)
	}
	if found.CgroupVersion == "" {
		return found, unreachable(strings.Join(found.ServerErrors, "; "))
	}
	return found, nil
}

// unreachable words why the daemon does not answer. A user without the right to ask it
// is told how to get it.
func unreachable(why string) error {
	if strings.Contains(strings.ToLower(why), "permission denied") {
		return errors.New("docker: no right to use the daemon: your user needs to be in group docker, or use sudo")
	}
	return fmt.Errorf("docker: daemon not reachable: %s", why)
}
