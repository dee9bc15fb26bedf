package main

import (
	"fmt"
	"syscall"

	"muster/inventory"
	"muster/playbooks/run"
)

// spareFiles is what a run has open besides its connections: streams, journal, what
// the runtime needs.
const spareFiles = 64

// enoughFiles refuses a run that would have more connections than this process may
// have files: the nodes that are left over would look unreachable. Fewer at once (-f)
// would not help, because every node is connected until its last step is done. (The
// runtime has raised the soft limit to the hard one.)
func enoughFiles(hosts []*inventory.Host) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("open files: %w", err)
	}
	if need := filesFor(hosts); uint64(need) > limit.Cur {
		return &exitError{run.ExitRefused, fmt.Sprintf("open files: %d hosts need %d, and this process may have %d: "+
			"raise the limit (ulimit -n %d), or take fewer hosts at a time with -l", len(hosts), need, limit.Cur, need)}
	}
	return nil
}

// filesFor is how many files a run may have open: a connection to each host that is
// not behind another one and to each jump host; while a host is dialled also a key
// file.
func filesFor(hosts []*inventory.Host) int {
	direct, jumps := 0, map[string]bool{}
	for _, h := range hosts {
		if len(h.Connection.Jump) > 0 {
			jumps[h.Connection.Jump[0]] = true
		} else {
			direct++
		}
	}
	return direct + len(jumps) + min(len(hosts), spareFiles) + spareFiles
}
