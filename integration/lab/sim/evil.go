package sim

import (
	"io"

	"muster/transport"
)

// Evil takes the place of a node's agent: it may say to the controller whatever it
// likes. It returns the exit code of the command.
type Evil func(Session) int

// Session is a start of an agent, as an Evil sees it.
type Session struct {
	Args   transport.AgentArgs
	Digest string // of the agent that was asked for, hex
	In     io.Reader
	// Out carries frames, Err is standard error. Both fail once the controller has
	// closed the connection.
	Out, Err io.Writer
}
