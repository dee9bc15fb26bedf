package linux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"muster/modules/machine"
)

// job is a program that must not die with the agent. It runs in a transient unit
// and leaves its output and its end in files, where the next agent finds them.
type job struct {
	argv, env []string
	stdin     []byte
	timeout   time.Duration
	// quiet hides the running systemd from it: packages find nothing that they
	// could start daemons with.
	quiet bool
}

// end is the script that runs after the program, with what systemd says about its
// end in the environment. Its argument is the file to write. The input goes with the
// job and not before: it may hold a secret, but systemd opens it for the program and
// for this script, perhaps when the agent is gone already.
const end = `printf '%s %s %s\n' "$SERVICE_RESULT" "$EXIT_CODE" "$EXIT_STATUS" >"$1.new" && mv "$1.new" "$1"; rm -f "${1%.exit}.in"`

// jobFiles are the files of a job: path.out, path.err, path.in and path.exit.
type jobFiles struct {
	path string
	unit string
}

// runJob runs the job and waits for its end. When ctx ends before, the job goes
// on; Adopt waits for it. A job that outruns its timeout is ended by systemd.
func (s *Store) runJob(ctx context.Context, j job) (machine.Result, error) {
	argv, err := withPath(j.argv)
	if err != nil {
		return machine.Result{}, err
	}
	j.argv = argv
	f, err := s.newJob(ctx, j)
	if err != nil {
		return machine.Result{}, err
	}
	start := s.bus.startJob
	if !booted() {
		start = startDetached
	}
	if err := start(ctx, j, f); err != nil {
		if ctx.Err() == nil { // else it may have started all the same
			f.clean()
		}
		return machine.Result{}, err
	}
	return s.watch(ctx, f, j.timeout)
}

// newJob claims the next free number of the run.
func (s *Store) newJob(ctx context.Context, j job) (jobFiles, error) {
	v := vertexOf(ctx)
	dir := filepath.Join(s.dir, "runs", unitWord(v.Run, 80), "jobs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return jobFiles{}, err
	}
	for {
		n := s.job.Add(1)
		f := jobFiles{path: filepath.Join(dir, strconv.FormatInt(n, 10))}
		f.unit = fmt.Sprintf("muster-%s-%s-%d.service", unitWord(v.Run, 80), unitWord(v.Name, 100), n)
		out, err := os.OpenFile(f.path+".out", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue // an agent of this run before us had that number
		}
		if err != nil {
			return jobFiles{}, err
		}
		out.Close()
		for ext, data := range map[string][]byte{".err": nil, ".in": j.stdin} {
			if err := os.WriteFile(f.path+ext, data, 0o600); err != nil {
				return jobFiles{}, err
			}
		}
		return f, nil
	}
}

// watch passes the output on until the end is written.
func (s *Store) watch(ctx context.Context, f jobFiles, timeout time.Duration) (machine.Result, error) {
	out, errs := newOutputs(program{output: vertexOf(ctx).Output})
	follow := []follower{{path: f.path + ".out", to: out}, {path: f.path + ".err", to: errs}}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	// systemd notices a unit's end before the file is there, so a dead unit counts
	// only when it was seen dead twice.
	var dead int
	for tick := 1; ; tick++ {
		text, err := os.ReadFile(f.path + ".exit")
		for i := range follow {
			follow[i].read()
		}
		res := machine.Result{Stdout: out.String(), Stderr: errs.String()}
		if err == nil {
			f.clean()
			return jobEnd(res, string(text), timeout)
		}
		if tick%20 == 0 && !s.alive(ctx, f) {
			dead++
		}
		if dead > 2 {
			f.clean()
			return res, fmt.Errorf("%s has ended without leaving a status", f.unit)
		}
		select {
		case <-ctx.Done():
			return res, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

func (f jobFiles) clean() {
	for _, ext := range []string{".in", ".pid"} {
		os.Remove(f.path + ext)
	}
}

// jobEnd reads what the end script wrote: systemd's words for the result, the way
// it ended, and the status or signal.
func jobEnd(res machine.Result, text string, timeout time.Duration) (machine.Result, error) {
	words := strings.Fields(text)
	if len(words) != 3 {
		return res, fmt.Errorf("end of the job: %q is no status", text)
	}
	code, err := strconv.Atoi(words[2])
	switch {
	case words[0] == "timeout":
		return res, fmt.Errorf("no end after %s", timeout)
	case err != nil: // EXIT_STATUS is the signal's name without SIG
		code = 128 + int(unix.SignalNum("SIG"+words[2]))
		res.Stderr += "\nkilled by signal " + words[2]
		if words[0] == "oom-kill" {
			res.Stderr += ": out of memory"
		}
	}
	res.Exit = code
	return res, nil
}

// follower reads what a growing file has got since the last time.
type follower struct {
	path string
	at   int64
	to   *tail
}

func (f *follower) read() {
	file, err := os.Open(f.path)
	if err != nil {
		return
	}
	defer file.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := file.ReadAt(buf, f.at)
		if n > 0 {
			f.at += int64(n)
			_, _ = f.to.Write(buf[:n])
		}
		if err != nil || n == 0 {
			return
		}
	}
}
