package boot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/modules/machine"
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

// What to do about the two commonest objections.
const (
	wrongPassword = "it was tried once only, so that no account is locked: give the right one with -K or --become-password-file"
	notSudoer     = "let the user run any command as root in sudoers, or log in as another one with -u"
)

// objections are what sudo and sudo-rs print in the C locale.
var objections = []struct {
	text string
	err  error
	hint string
}{
	{"must have a tty", ErrNeedsTerminal, "add this line to sudoers: Defaults:%s !requiretty"},
	{"not in the sudoers file", ErrNotAllowed, notSudoer},
	{"is not allowed to", ErrNotAllowed, notSudoer},
	{"may not run sudo", ErrNotAllowed, notSudoer},
	{"I'm afraid I can't do that", ErrNotAllowed, notSudoer},
	{"password is required", ErrPasswordNeeded, "run muster with -K, which asks for it"},
	{"authentication is required", ErrPasswordNeeded, "run muster with -K, which asks for it"},
	{"password has expired", ErrPasswordWrong, "the password of the login has expired on the node"},
	{"incorrect password", ErrPasswordWrong, wrongPassword},
	{"incorrect authentication", ErrPasswordWrong, wrongPassword},
	{"Authentication failed", ErrPasswordWrong, wrongPassword},
	{"try again", ErrPasswordWrong, wrongPassword},
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
		found = &transport.Error{Stage: transport.Agent, Err: cause, Hint: advice(exit, text, cause)}
		if exit >= 0 {
			found.Err = fmt.Errorf("the start command ended with exit status %d: %w", exit, cause)
		}
	}
	found.Stderr = text
	return found
}

// advice is what to do about a command that ended or spoke in another way than an
// agent does.
func advice(exit int, text string, cause error) string {
	switch low := strings.ToLower(text); {
	case strings.Contains(low, "no space left on device"):
		return machine.HintFull
	case strings.Contains(low, "read-only file system"):
		return machine.HintReadOnly
	case strings.Contains(text, agentSays):
		return ""
	case errors.Is(cause, transport.ErrHostile), exit >= 0:
		return "the login's shell did something else than start the command: look at its rc files (~/.bashrc) and at `getent passwd` on the node"
	}
	return ""
}

// notUploaded is what to do about an upload that failed.
func notUploaded(err error) string {
	if strings.Contains(err.Error(), "version packet") { // text where the SFTP server's first words belong
		return "the login prints something before the SFTP server starts: its rc files (~/.bashrc) have to be silent without a terminal"
	}
	return "is the login's home full, read-only or not its own? df -h ~ and ls -ld ~/.cache/muster on the node"
}

// object finds what sudo, the script or the agent objects to.
func (e *stderr) object(o Options, exit int, text string) *transport.Error {
	notRoot := (exit == noAgentExit || exit == installExit) && !o.Become &&
		strings.Contains(text, ", uid ") && !strings.Contains(text, ", uid 0\n")
	switch {
	case exit == 0:
		return nil
	case e.refused():
		return sudoError(ErrPasswordWrong, wrongPassword)
	case notRoot:
		return sudoError(ErrNotRoot, "set become = true in the connection block")
	case exit == installExit:
		return &transport.Error{Stage: transport.Upload, Err: errors.New(uninstalled(text)), Hint: cmp.Or(advice(-1, text, nil), "is the disk full, or read-only?")}
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

// uninstalled is what the script says, and before it what the program said that
// could not do its part.
func uninstalled(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	said := strings.TrimSpace(lines[len(lines)-1])
	if len(lines) > 1 {
		said += ": " + strings.TrimSpace(lines[len(lines)-2])
	}
	return said
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
