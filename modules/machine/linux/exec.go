package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

const (
	// searchPath is where programs are looked for: what an administrator has in a
	// root shell, whatever sudo or sshd left in the agent's own environment.
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// killAfter is how long a program has between TERM and KILL.
	killAfter = 10 * time.Second
	// queryTime and runTime are how long a program may run where nothing else is
	// said (machine.Query and machine.Run document them).
	queryTime = 30 * time.Second
	runTime   = 30 * time.Minute
)

// program is one child process of the agent.
type program struct {
	argv, env []string
	stdin     []byte
	timeout   time.Duration // 0: as long as ctx
	output    func(string)  // receives output as it comes; may be nil
	// whole keeps all of the output and makes too much of it an error: an answer
	// that is read may not lack its beginning.
	whole bool
}

// environment is what every program of muster finds.
func environment(more []string) []string {
	return append([]string{"PATH=" + searchPath, "LANG=C.UTF-8", "HOME=/root"}, more...)
}

// Exec runs a program: a Query as a child with its whole answer kept, a Run with
// its output streamed and the end of it kept, a long Run in a unit of its own. An
// exit code is part of the result; an error means that there is none.
func (s *Store) Exec(ctx context.Context, r machine.Run, reading bool) (machine.Result, error) {
	if len(r.Argv) == 0 {
		return machine.Result{}, errors.New("run: no program named")
	}
	object := "run[" + r.Argv[0] + "]"
	if reading {
		object = "query[" + r.Argv[0] + "]"
	}
	if _, err := lookup(r.Argv[0]); err != nil {
		return machine.Result{}, &machine.Error{Object: object, Op: "start", Err: err, Command: r.Argv}
	}
	timeout := r.Timeout
	if timeout == 0 {
		timeout = runTime
		if reading {
			timeout = queryTime
		}
	}
	var res machine.Result
	var err error
	if r.Long && !reading {
		res, err = s.runJob(ctx, job{argv: r.Argv, env: r.Env, stdin: r.Stdin, timeout: timeout})
	} else {
		p := program{argv: r.Argv, env: r.Env, stdin: r.Stdin, timeout: timeout, whole: reading}
		if !reading {
			p.output = vertexOf(ctx).Output
		}
		res, err = s.run(ctx, p)
	}
	if err != nil {
		return res, &machine.Error{Object: object, Op: "run", Err: err, Command: r.Argv, Exit: res.Exit, Stderr: res.Stderr}
	}
	return res, nil
}

// lookup finds a program. A missing one is exec.ErrNotFound.
func lookup(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	for dir := range strings.SplitSeq(searchPath, ":") {
		if full := filepath.Join(dir, name); executable(full) == nil {
			return full, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("%s: %w", path, exec.ErrNotFound)
	}
	return nil
}

// run runs a child in a process group of its own, so that what it started ends
// with it. The child is made on the calling thread and shares its view of the
// file system (ReadOnly).
func (s *Store) run(ctx context.Context, p program) (machine.Result, error) {
	path, err := lookup(p.argv[0])
	if err != nil {
		return machine.Result{}, err
	}
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.timeout, fmt.Errorf("no end after %s", p.timeout))
		defer cancel()
	}
	out, errs := newOutputs(p)
	cmd := exec.CommandContext(ctx, path, p.argv[1:]...)
	cmd.Args[0], cmd.Env, cmd.Dir = p.argv[0], environment(p.env), "/"
	cmd.Stdout, cmd.Stderr = out, errs
	if p.stdin != nil {
		cmd.Stdin = strings.NewReader(string(p.stdin))
	}
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = killAfter
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	err = cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		// The leader is gone; what ignored TERM in its group goes now.
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	}
	res := machine.Result{Stdout: out.String(), Stderr: errs.String()}
	return finish(ctx, cmd, res, err, out.lost+errs.lost > 0 && p.whole)
}

func finish(ctx context.Context, cmd *exec.Cmd, res machine.Result, err error, lost bool) (machine.Result, error) {
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return res, context.Cause(ctx)
	case errors.As(err, &exit):
		status, _ := exit.Sys().(syscall.WaitStatus)
		res.Exit = exit.ExitCode()
		if status.Signaled() {
			res.Exit = 128 + int(status.Signal())
			res.Stderr += fmt.Sprintf("\nkilled by signal %d (%s)", status.Signal(), status.Signal())
		}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		// ErrWaitDelay: it has ended well and left a child that holds its output open.
		return res, err
	}
	if lost {
		return res, fmt.Errorf("more than %d bytes of output", maxAnswer)
	}
	return res, nil
}

// withPath is argv with its program as an absolute path, as systemd wants it.
func withPath(argv []string) ([]string, error) {
	path, err := lookup(argv[0])
	if err != nil {
		return nil, err
	}
	out := slices.Clone(argv)
	out[0] = path
	return out, nil
}
