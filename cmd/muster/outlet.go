package main

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/term"
)

// outlet is an output that its reader may close, such as a pipe into head. The
// first write that finds it closed stops the run as an interrupt does; that write
// and all later ones succeed, so that the run can end in order.
type outlet struct {
	w    io.Writer
	stop func()

	mu     sync.Mutex
	closed bool
}

// newOutlet watches everything but a terminal, which is no pipe and is measured as
// the file it is.
func newOutlet(w io.Writer, stop func()) io.Writer {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return w
	}
	return &outlet{w: w, stop: stop}
}

// Write implements io.Writer.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return len(p), nil
	}
	n, err := o.w.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		o.closed = true
		o.stop()
		return len(p), nil
	}
	return n, err
}

// unread says that nobody reads the output any more.
func (a *app) unread() bool {
	o, ok := a.out.(*outlet)
	if !ok {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}
