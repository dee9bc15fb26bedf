package boot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/transport"
)

// What sudo can object to.
var (
	ErrPasswordNeeded = errors.New("sudo needs a password")
	ErrPasswordWrong  = errors.New("sudo refused the password")
	ErrNeedsTerminal  = errors.New("sudo wants a terminal (requiretty)")
	ErrNotAllowed     = errors.New("this user may not use sudo")
	ErrNoSudo         = errors.New("there is no sudo")
	ErrNotRoot        = errors.New("the login is not root")
)

// objections are what sudo and sudo-rs print in the C locale.
var objections = []struct {
	text string
	err  error
	hint string
}{
	{"must have a tty", ErrNeedsTerminal, "add this line to sudoers: Defaults:%s !requiretty"},
	{"not in the sudoers file", ErrNotAllowed, ""},
	{"is not allowed to", ErrNotAllowed, ""},
	{"may not run sudo", ErrNotAllowed, ""},
	{"I'm afraid I can't do that", ErrNotAllowed, ""},
	{"password is required", ErrPasswordNeeded, "run muster with -K, which asks for it"},
	{"authentication is required", ErrPasswordNeeded, "run muster with -K, which asks for it"},
	{"password has expired", ErrPasswordWrong, "the password of the login has expired on the node"},
	{"incorrect password", ErrPasswordWrong, ""},
	{"incorrect authentication", ErrPasswordWrong, ""},
	{"Authentication failed", ErrPasswordWrong, ""},
	{"try again", ErrPasswordWrong, ""},
	{"sudo: command not found", ErrNoSudo, "install sudo, or log in as root and leave become out"},
	{"sudo: not found", ErrNoSudo, "install sudo, or log in as root and leave become out"},
	{"‘sudo’: No such file", ErrNoSudo, "install sudo, or log in as root and leave become out"},
	{"'sudo': No such file", ErrNoSudo, "install sudo, or log in as root and leave become out"},
}

// explain says why a command did not become an agent; nil when there is only no
// agent yet.
func (e *stderr) explain(ctx context.Context, p *Process, o Options, cause error) error {
	if ctx.Err() != nil {
		return &transport.Error{Stage: transport.Agent, Err: context.Cause(ctx)}
	}
	exit := e.exit(p)
	text := e.text()
	found := e.object(o, exit, text)
	if found == nil && exit == noAgentExit && strings.Contains(text, noAgent) && !errors.Is(cause, transport.ErrHostile) {
		return nil
	}
	if found == nil {
		found = &transport.Error{Stage: transport.Agent, Err: cause}
		if exit >= 0 {
			found.Err = fmt.Errorf("the start command ended with exit status %d: %w", exit, cause)
		}
	}
	found.Stderr = text
	return found
}

// object finds what sudo, the script or the agent objects to.
func (e *stderr) object(o Options, exit int, text string) *transport.Error {
	notRoot := (exit == noAgentExit || exit == installExit) && !o.Become &&
		strings.Contains(text, ", uid ") && !strings.Contains(text, ", uid 0\n")
	switch {
	case exit == 0:
		return nil
	case e.refused():
		return sudoError(ErrPasswordWrong, "")
	case notRoot:
		return sudoError(ErrNotRoot, "set become = true in the connection block")
	case exit == installExit:
		return &transport.Error{Stage: transport.Upload, Err: errors.New(last(text)), Hint: "is the disk full, or read-only?"}
	}
	if !o.Become {
		return nil
	}
	for _, x := range objections {
		if strings.Contains(text, x.text) {
			return sudoError(x.err, strings.ReplaceAll(x.hint, "%s", "USER"))
		}
	}
	return nil
}

// exit waits for the end of the command and of what it prints.
func (e *stderr) exit(p *Process) int {
	code := make(chan int, 1)
	go func() {
		c := p.Wait()
		<-e.done
		code <- c
	}()
	select {
	case c := <-code:
		return c
	case <-time.After(exitWait):
		return -1
	}
}
