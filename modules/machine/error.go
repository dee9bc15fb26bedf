package machine

import (
	"errors"
	"fmt"
)

// ErrDeviation: the node was not as the plan had found it, in a way that may not
// be repaired silently.
var ErrDeviation = errors.New("not as planned")

// ErrDiverged: the step ran, and afterwards there was still something to change.
var ErrDiverged = errors.New("did not converge")

// Error is a failure on a node with what a person needs to understand it. It
// reads "unit[slurmd]: start: cause".
type Error struct {
	Object string // unit[slurmd.service]
	Op     string // start
	Err    error
	// Command, Exit and Stderr describe the program that failed, if one did.
	Command []string
	Exit    int
	Stderr  string
	Hint    string
}

// What to do about a file system that cannot be written, where it is not known which
// one that is.
const (
	HintFull     = "that file system is out of space or inodes: df -h and df -i on the node"
	HintReadOnly = "that file system is read-only; the kernel does that after an I/O error: see dmesg on the node"
)

func (e *Error) Error() string {
	s := e.Object
	if e.Op != "" {
		s += ": " + e.Op
	}
	return fmt.Sprintf("%s: %v", s, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
