package boot

import (
	"errors"
	"strings"

	"muster/transport"
	"muster/transport/wire"
)

// ErrNotStart: a command line is not one that Start gives to a login.
var ErrNotStart = errors.New("the command does not start an agent")

// NoAgent is what a node's start script prints on standard error when it has no
// agent for the system, such as "Linux x86_64", and its exit code.
func NoAgent(system string) (text string, exit int) {
	return noAgent + system + ", uid 0\n", noAgentExit
}

// Parse is the other end of Start: what a command line asks for, and the digest
// of the agent that it names for amd64, "" for none. A simulated node uses it in
// place of a shell. The error is ErrNotStart.
func Parse(command string) (args transport.AgentArgs, digest string, err error) {
	_, tail, ok := strings.Cut(command, " '"+script+"' muster ")
	words := strings.Fields(tail)
	if !ok || len(words) != startWords {
		return args, "", ErrNotStart
	}
	option := map[string]string{}
	for i := startFixed; i < startWords; i += 2 {
		option[words[i]] = words[i+1]
	}
	args = transport.AgentArgs{Mode: wire.Mode(option["--mode"]), Run: option["--run"], Who: option["--who"], Dir: option["--dir"]}
	if words[1] != orDash("") {
		digest = words[1]
	}
	return args, digest, nil
}

// A start's words after the script: folder, two digests, file, "serve", and then
// four options with their values.
const (
	startFixed = 5
	startWords = startFixed + 2*4
)
