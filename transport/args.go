package transport

import (
	"fmt"
	"regexp"

	"muster/transport/wire"
)

// DefaultDir is the agent's own folder on a node.
const DefaultDir = "/var/lib/muster"

// AgentArgs is how an agent is started.
type AgentArgs struct {
	Mode wire.Mode
	// Run is the run's id: letters, digits, - and _.
	Run string
	// Who is user@host of the controller; characters that a command line does not
	// take as they are become "_".
	Who string
	// SudoPassword is for sudo, if it asks; nil when it may not ask.
	SudoPassword []byte
	// Dir replaces DefaultDir.
	Dir string
}

var (
	// plainWord needs no quoting in any shell, so that none has to be got right.
	plainWord = regexp.MustCompile(`^[A-Za-z0-9_./@:+-]+$`)
	notPlain  = regexp.MustCompile(`[^A-Za-z0-9_./@:+-]`)
)

// PlainWord reports whether s means itself in every shell.
func PlainWord(s string) bool { return plainWord.MatchString(s) }

// Words gives the agent's arguments, each of them a plain word.
func (a AgentArgs) Words() ([]string, error) {
	out := []string{"serve", "--mode", string(a.Mode), "--run", a.Run, "--who", notPlain.ReplaceAllString(a.Who, "_"), "--dir", a.Folder()}
	for i, w := range out {
		if !PlainWord(w) {
			return nil, fmt.Errorf("agent: argument %s: %q is empty or has characters that are not allowed", out[max(0, i-1)], w)
		}
	}
	return out, nil
}

// Folder is Dir or its default.
func (a AgentArgs) Folder() string {
	if a.Dir == "" {
		return DefaultDir
	}
	return a.Dir
}
