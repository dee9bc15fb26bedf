package agent

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"muster/modules/machine"
	"muster/transport/wire"
)

// bug is a panic of a module.
type bug struct {
	value any
	stack []byte
}

func (b *bug) Error() string { return fmt.Sprintf("panic: %v", b.value) }

// failure puts an error into the words of the wire; nil for nil.
func failure(err error) *wire.Failure {
	if err == nil {
		return nil
	}
	f := &wire.Failure{Cause: err.Error()}
	var m *machine.Error
	if errors.As(err, &m) {
		f.Object, f.Cause = m.Object, strings.TrimPrefix(err.Error(), m.Object+": ")
	}
	for inner := err; errors.As(inner, &m); inner = m.Err { // the program and the hint may be those of a cause
		if len(f.Command) == 0 {
			f.Command, f.Exit, f.Stderr = m.Command, m.Exit, m.Stderr
		}
		f.Hint = cmp.Or(f.Hint, m.Hint)
	}
	var b *bug
	switch {
	case errors.As(err, &b):
		f.Kind, f.Stderr = "bug", string(b.stack)
	case errors.Is(err, machine.ErrDeviation):
		f.Kind = "deviation"
	case errors.Is(err, machine.ErrDiverged):
		f.Kind = "diverged"
	}
	switch {
	case f.Hint != "":
	case errors.Is(err, syscall.ENOSPC):
		f.Hint = machine.HintFull
	case errors.Is(err, syscall.EROFS):
		f.Hint = machine.HintReadOnly
	}
	return f
}
