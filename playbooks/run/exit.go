package run

// The exit codes of muster. They are a promise: never renumbered.
const (
	ExitOK          = 0   // done, or nothing to do
	ExitUsage       = 1   // usage, configuration or internal error; no node touched
	ExitChanges     = 2   // a plan found changes, and --detailed-exitcode was asked
	ExitFailed      = 3   // a step failed on at least one node
	ExitUnreachable = 4   // a node was unreachable, no step failed
	ExitStale       = 5   // a saved plan is not what would be done now
	ExitLocked      = 6   // a node is locked by another run
	ExitRefused     = 7   // preflight or policy refused
	ExitDeclined    = 8   // the operator said no
	ExitFault       = 9   // the controller could not go on: resume
	ExitInterrupted = 130 // interrupted, can be resumed
)
