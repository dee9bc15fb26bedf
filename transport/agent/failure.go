package agent

import (
	"errors"
	"fmt"
	"strings"

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
		f.Command, f.Exit, f.Stderr, f.Hint = m.Command, m.Exit, m.Stderr, m.Hint
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
	return f
}
