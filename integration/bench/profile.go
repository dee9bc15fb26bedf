package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// process is one run of the measured binary.
type process struct {
	Seconds float64 // from its start to its end
	MB      float64 // most memory that it had at once (resident, MiB)
	Stdout  string
}

// measured runs muster in dir and waits for it; an exit code other than 0 is
// an error. profiles names the profiles of this run when they are wanted.
func (o options) measured(ctx context.Context, dir, profiles string, args ...string) (process, error) {
	muster, err := filepath.Abs(o.muster)
	if err != nil {
		return process{}, err
	}
	cmd := exec.CommandContext(ctx, muster, args...)
	cmd.Dir = dir
	// Keys, identities and journals of a bench stay in its own folder.
	cmd.Env = append(os.Environ(), "HOME="+dir, "NO_COLOR=1")
	if o.profile != "" {
		folder, err := filepath.Abs(filepath.Join(o.profile, profiles))
		if err != nil {
			return process{}, err
		}
		cmd.Env = append(cmd.Env, "MUSTER_PROFILE="+folder)
		o.say("profiles of muster %s: %s", args[0], folder)
	}
	if err := forgetMemory(); err != nil {
		return process{}, err
	}
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	began := time.Now()
	err = cmd.Run()
	p := process{Seconds: time.Since(began).Seconds(), Stdout: out.String()}
	if err != nil {
		return p, fmt.Errorf("muster %s: %w: %s", strings.Join(args, " "), err, lastLines(out.String()+said.String()))
	}
	// As wait4 tells it, in KiB.
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return p, errors.New("muster: its use of memory is not told")
	}
	p.MB = float64(usage.Maxrss) / 1024
	return p, nil
}

// forgetMemory gives back what this process does not use, and has the kernel forget how
// much it had: a new process begins with what its parent had at most.
func forgetMemory() error {
	debug.FreeOSMemory()
	return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // proc(5): resets the peak resident set size
}

// lastLines is the end of a text, for an error.
func lastLines(text string) string {
	const most = 1000
	if text = strings.TrimSpace(text); len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

// medianOf is the middle of values, or the mean of the two middles; 0 without values.
func medianOf(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
