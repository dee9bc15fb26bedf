package linux

import (
	"context"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// booted says whether systemd runs this node (sd_booted(3)).
func booted() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// detached runs a program as the shell of a session of its own and words its end
// as systemd would. Arguments: the exit file, the seconds it has, the program.
const detached = `exit=$1; seconds=$2; shift 2
timeout -k 10 "$seconds" "$@"; EXIT_STATUS=$?
SERVICE_RESULT=exit-code; EXIT_CODE=exited
[ $EXIT_STATUS = 124 ] && SERVICE_RESULT=timeout
set -- "$exit"
`

// startDetached is for nodes without systemd (small containers): the job is led by
// a shell in its own session, which goes on when the agent dies.
func startDetached(_ context.Context, j job, f jobFiles) error {
	seconds := strconv.Itoa(max(1, int(j.timeout.Seconds())))
	cmd := exec.Command("/bin/sh", append([]string{"-c", detached + end, "sh", f.path + ".exit", seconds}, j.argv...)...)
	cmd.Env, cmd.Dir = environment(j.env), "/"
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	for _, stream := range []struct {
		ext   string
		flags int
		to    func(*os.File)
	}{
		{".in", os.O_RDONLY, func(o *os.File) { cmd.Stdin = o }},
		{".out", os.O_WRONLY | os.O_APPEND, func(o *os.File) { cmd.Stdout = o }},
		{".err", os.O_WRONLY | os.O_APPEND, func(o *os.File) { cmd.Stderr = o }},
	} {
		o, err := os.OpenFile(f.path+stream.ext, stream.flags, 0)
		if err != nil {
			return err
		}
		defer o.Close()
		stream.to(o)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // the end is read from the file; this only buries it
	return os.WriteFile(f.path+".pid", []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

// alive says whether a job still has a process.
func (s *Store) alive(ctx context.Context, f jobFiles) bool {
	if booted() {
		u, err := s.bus.unit(ctx, f.unit)
		return err != nil || u.live()
	}
	text, err := os.ReadFile(f.path + ".pid")
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(string(text))
	return err == nil && unix.Kill(pid, 0) == nil
}
