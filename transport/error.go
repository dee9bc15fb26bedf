package transport

import "fmt"

// Stage is where a connection failed.
type Stage string

// The stages, in their order.
const (
	Resolve Stage = "resolve"
	Connect Stage = "connect"
	Kex     Stage = "banner/kex"
	HostKey Stage = "host key"
	Auth    Stage = "auth"
	Session Stage = "session" // the login's shell, the channel
	Upload  Stage = "upload"
	Sudo    Stage = "sudo"
	Agent   Stage = "agent"
)

// Error is why a node could not be reached. It reads "dgx07: auth: cause".
type Error struct {
	// Host is the node, or "node (via hop)" where a jump host failed.
	Host  string
	Stage Stage
	Err   error
	// Stderr is the end of what the node printed.
	Stderr string
	// Hint says what to do, for people; it may be empty.
	Hint string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %v", e.Host, e.Stage, e.Err) }

func (e *Error) Unwrap() error { return e.Err }
