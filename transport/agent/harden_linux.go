package agent

import (
	"os"
	"os/signal"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Harden prepares the process: it may hold secrets, and it may not be the first
// to die. SIGTERM and SIGINT come out of the channel.
func Harden() (<-chan os.Signal, error) {
	unix.Umask(0o077)
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return nil, os.NewSyscallError("setrlimit", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, os.NewSyscallError("prctl", err)
	}
	// Refused in a container without CAP_SYS_RESOURCE; the agent works without.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("-500"), 0o600)
	debug.SetMemoryLimit(64 << 20)
	// Caught, not ignored: an ignored signal would be inherited by every child. A
	// write to a closed connection is then an error, not the end.
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE, unix.SIGHUP)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT)
	return stop, nil
}
