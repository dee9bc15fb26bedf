// Package boot brings an agent to life on a node: it starts the one that is
// there, and only where there is none it uploads one first. It knows nothing of
// SSH; a Shell is all it needs.
package boot

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"muster/transport"
)

// Shell is a login on a node.
type Shell interface {
	// Start runs a command line, which the login's own shell reads.
	Start(ctx context.Context, command string) (*Process, error)
	// Upload stores a file where only the login can write, and returns its path.
	Upload(ctx context.Context, name string, body io.Reader) (string, error)
	// Close ends the login at once.
	Close() error
}

// Process is a started command.
type Process struct {
	Stdin          io.WriteCloser
	Stdout, Stderr io.Reader
	// Wait returns the exit code, -1 if there is none.
	Wait func() int
}

// Options is what a login has to know to start an agent.
type Options struct {
	transport.AgentArgs
	Agents transport.Agents
	// Become goes through sudo.
	Become bool
	// Uploaded is called when an agent was uploaded; it may be nil.
	Uploaded func()
	// HelloTimeout is how long an agent may take to say hello; 0 means 60 s, since
	// it waits for an earlier one of its run.
	HelloTimeout time.Duration
}

func (o Options) helloTimeout() time.Duration { return cmp.Or(o.HelloTimeout, 60*time.Second) }

// noAgent is what the start script says when there is no agent, with the exit
// code noAgentExit; installExit is its exit code when it cannot install one.
// Everything that an agent prints begins with agentSays.
const (
	agentSays   = "muster-agent: "
	noAgent     = "muster: no agent for "
	noAgentExit = 127
	installExit = 125
)

// script starts the agent, and installs it before that when it is given a file. Given
// "check" it takes away an agent that is not what it is named after.
// It has no single quote, no backslash, no exclamation mark and no line break, so
// that every login shell hands it on as it is. The upload is the login's own
// file: it is copied first, and what is checked is the copy that only root writes.
const script = `d=$1; u=$4; case "$(uname -sm)" in "Linux x86_64") s=$2;; "Linux aarch64") s=$3;; *) s=-;; esac; ` +
	`a=$d/agent/$s; shift 4; ` +
	`if [ $u = - ]; then :; elif [ $u = check ]; then echo "$s  $a" | sha256sum -c --status - || rm -rf $a; else umask 022; t=$d/agent/.$s.$$; ` +
	`mkdir -p $d/agent && chmod 755 $d/agent && head -c 67108864 $u >$t && echo "$s  $t" | sha256sum -c --status - ` +
	`&& chmod 755 $t && sync $t && if [ -d $a ]; then rm -rf $a; fi && mv -f $t $a && rm -f $u || { rm -f $t $u; echo "muster: cannot install $a, uid $(id -u)" >&2; exit 125; }; fi; ` +
	`if [ -f $a ] && [ -x $a ]; then exec $a "$@"; fi; echo "muster: no agent for $(uname -sm), uid $(id -u)" >&2; exit 127`

// Start starts the agent of a login and waits for its hello. It takes the shell
// over: Close of the Conn closes it, and so does an error. The error is a
// *transport.Error without a host.
func Start(ctx context.Context, sh Shell, o Options) (*transport.Conn, error) {
	c, err := start(ctx, sh, o)
	if err != nil {
		_ = sh.Close()
	}
	return c, err
}

func start(ctx context.Context, sh Shell, o Options) (*transport.Conn, error) {
	digests := map[string]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		d, _, err := o.Agents.Agent(arch)
		if err != nil && !errors.Is(err, transport.ErrNoAgent) {
			return nil, &transport.Error{Stage: transport.Agent, Err: err}
		}
		digests[arch] = d
	}
	c, arch, err := attempt(ctx, sh, o, digests, "-")
	if noStart(err) {
		// What is there may be damaged: it is looked at, and started again or replaced. Where
		// that does not help, the first cause is the one to tell.
		if checked, itsArch, again := attempt(ctx, sh, o, digests, "check"); again == nil {
			c, arch, err = checked, itsArch, nil
		}
	}
	if err != nil || c != nil {
		return c, err
	}
	path, err := upload(ctx, sh, o, arch)
	if err != nil {
		return nil, err
	}
	c, arch, err = attempt(ctx, sh, o, digests, path)
	if err == nil && c == nil {
		return nil, &transport.Error{Stage: transport.Agent,
			Err:  fmt.Errorf("it was installed for %s and cannot be executed", arch),
			Hint: "is " + o.Folder() + " on a file system mounted with noexec?"}
	}
	return c, err
}

// noStart says whether the command was carried out and was no agent.
func noStart(err error) bool {
	var e *transport.Error
	return errors.As(err, &e) && e.Stage == transport.Agent && !strings.Contains(e.Stderr, agentSays) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

func upload(ctx context.Context, sh Shell, o Options, arch string) (string, error) {
	digest, open, err := o.Agents.Agent(arch)
	if err != nil {
		return "", &transport.Error{Stage: transport.Agent, Err: err}
	}
	body, err := open()
	if err != nil {
		return "", &transport.Error{Stage: transport.Agent, Err: err}
	}
	defer body.Close()
	path, err := sh.Upload(ctx, "agent-"+digest, body)
	if err != nil {
		return "", &transport.Error{Stage: transport.Upload, Err: err,
			Hint: notUploaded(err)}
	}
	if !transport.PlainWord(path) {
		return "", &transport.Error{Stage: transport.Upload, Err: fmt.Errorf("the home folder's name %q is not usable in a command", path)}
	}
	if o.Uploaded != nil {
		o.Uploaded()
	}
	return path, nil
}

// attempt starts the agent. No connection and no error: there is no agent for
// arch yet.
func attempt(ctx context.Context, sh Shell, o Options, digests map[string]string, file string) (c *transport.Conn, arch string, err error) {
	prompt := "muster-sudo-" + strings.ToLower(rand.Text()) + ":"
	command, err := commandLine(o, digests, file, prompt)
	if err != nil {
		return nil, "", &transport.Error{Stage: transport.Agent, Err: err}
	}
	p, err := sh.Start(ctx, command)
	if err != nil {
		return nil, "", &transport.Error{Stage: transport.Session, Err: err}
	}
	in := &stdin{w: p.Stdin}
	e := newStderr(p.Stderr, in, prompt, o.SudoPassword)
	// A silent node keeps Open waiting until the login is closed under it.
	stop := context.AfterFunc(ctx, func() { _ = sh.Close() })
	defer stop()
	late := time.AfterFunc(o.helloTimeout()+time.Second, func() { _ = sh.Close() })
	defer late.Stop()
	var opened atomic.Bool
	c, err = transport.Open(ctx, transport.Link{
		R: p.Stdout, W: in, Stderr: e.text, Digests: known(digests), HelloTimeout: o.helloTimeout(),
		Close: func() error {
			if opened.Load() {
				return sh.Close()
			}
			return in.Close() // the login may be needed for an upload
		},
	})
	if err == nil {
		opened.Store(true)
		select {
		case <-c.Done(): // over before we knew
			_ = sh.Close()
		default:
		}
		return c, "", nil
	}
	_ = in.Close()
	err = e.explain(ctx, p, o, err)
	return nil, e.arch(), err // in this order: explain reads to the end
}

func known(digests map[string]string) []string {
	var out []string
	for _, d := range digests {
		if d != "" {
			out = append(out, d)
		}
	}
	return out
}

// commandLine is what the login's shell is given.
func commandLine(o Options, digests map[string]string, file, prompt string) (string, error) {
	words, err := o.Words()
	if err != nil {
		return "", err
	}
	words = append([]string{o.Folder(), orDash(digests["amd64"]), orDash(digests["arm64"]), file}, words...)
	sh := "/bin/sh -c '" + script + "' muster " + strings.Join(words, " ")
	switch {
	case !o.Become:
		return "exec " + sh, nil
	case o.SudoPassword == nil:
		return "exec env LC_ALL=C sudo -n -- " + sh, nil
	}
	return "exec env LC_ALL=C sudo -S -p " + prompt + " -- " + sh, nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// exitWait is how long a command may take to end after its output has ended.
const exitWait = 5 * time.Second
