package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"muster/modules/machine"
)

// TestFailureOfACause: the program that failed, and what to do, may be told by a cause
// further down; the object is the outermost.
func TestFailureOfACause(t *testing.T) {
	cause := &machine.Error{Object: "package", Op: "lists", Err: errors.New("no route"), Command: []string{"apt-get"}, Exit: 100,
		Stderr: "E: no route", Hint: "is the mirror up?"}
	f := failure(fmt.Errorf("step: %w", &machine.Error{Object: "package[x]", Op: "candidate", Err: cause}))
	if f.Object != "package[x]" || f.Hint != cause.Hint || !slices.Equal(f.Command, cause.Command) || f.Exit != 100 || f.Stderr != cause.Stderr {
		t.Errorf("%+v", f)
	}
	own := failure(&machine.Error{Object: "package[x]", Hint: "its own", Command: []string{"dpkg"}, Err: cause})
	if own.Hint != "its own" || own.Command[0] != "dpkg" || own.Exit != 0 {
		t.Errorf("%+v", own)
	}
}

// TestFailureOfADisk: also where nobody on the way has thought of it.
func TestFailureOfADisk(t *testing.T) {
	for cause, want := range map[syscall.Errno]string{syscall.ENOSPC: "df -h", syscall.EROFS: "dmesg", syscall.EIO: ""} {
		f := failure(fmt.Errorf("base: %w", &fs.PathError{Op: "write", Path: "/var/lib/muster/runs/x", Err: cause}))
		if !strings.Contains(f.Hint, want) || want == "" && f.Hint != "" {
			t.Errorf("%v: hint %q, want %q", cause, f.Hint, want)
		}
	}
}
