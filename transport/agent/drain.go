package agent

import (
	"context"
	"io"

	"muster/modules/machine"
)

// drain is a store that starts nothing once the controller is gone. A write in
// flight is finished; what lives in a transient unit is left to the next agent
// of the run.
type drain struct {
	machine.Store
	gone <-chan struct{}
}

func (d *drain) left() bool {
	select {
	case <-d.gone:
		return true
	default:
		return false
	}
}

// Get reads.
func (d *drain) Get(ctx context.Context, via machine.Machine, ref machine.Ref, fields []string) (machine.State, error) {
	if d.left() {
		return nil, errGone
	}
	return d.Store.Get(ctx, via, ref, fields)
}

// Put writes; packages are installed by a transient unit, which is not waited for.
func (d *drain) Put(ctx context.Context, table string, items []machine.Item, was []machine.State) error {
	if d.left() {
		return errGone
	}
	if table == "package" {
		var cancel context.CancelFunc
		ctx, cancel = until(ctx, d.gone)
		defer cancel()
	}
	return d.Store.Put(ctx, table, items, was)
}

// Exec runs a program; a Long one is a transient unit, a reading one is stopped.
func (d *drain) Exec(ctx context.Context, r machine.Run, reading bool) (machine.Result, error) {
	if d.left() {
		return machine.Result{}, errGone
	}
	if r.Long || reading {
		var cancel context.CancelFunc
		ctx, cancel = until(ctx, d.gone)
		defer cancel()
	}
	return d.Store.Exec(ctx, r, reading)
}

// until gives a context that also ends with the controller.
func until(ctx context.Context, gone <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		select {
		case <-gone:
			cancel(errGone)
		case <-over:
		}
	}()
	return ctx, func() { close(over); cancel(nil) }
}

// leaving is a connection that nobody waits for once the controller is gone: one
// that has stopped reading would keep the agent, and the node's lock with it.
type leaving struct {
	io.Writer
	gone <-chan struct{}
}

// Write returns with the controller at the latest; b may not be used again.
func (l *leaving) Write(b []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := l.Writer.Write(b)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-l.gone:
		return 0, errGone
	}
}
