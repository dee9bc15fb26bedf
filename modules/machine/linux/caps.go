package linux

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// planCaps are what root's programs may still do in a plan (capabilities(7)): look
// into every file, become the user that a package manager reads as, and use the
// network and devices. What is not listed would let a program past the read-only
// mounts (SYS_ADMIN, SYS_PTRACE), end other users' daemons (KILL), or move the
// running system where no file says so: links and routes (NET_ADMIN), modules, clock,
// reboot.
var planCaps = []int{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER, unix.CAP_FSETID,
	unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SYS_CHROOT, unix.CAP_AUDIT_WRITE,
	unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW, unix.CAP_IPC_LOCK, unix.CAP_SYS_RAWIO,
}

// boundPrograms takes all capabilities but planCaps from the programs that the calling
// thread will start. The thread keeps its own: it runs muster's code alone.
func boundPrograms() error {
	keep := map[int]bool{}
	for _, c := range planCaps {
		keep[c] = true
	}
	for c := 0; ; c++ {
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break // past the last that this kernel knows
		}
		if keep[c] {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	// Root's programs get what is inheritable whatever the bound says.
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&head, &sets[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	if err := unix.Capset(&head, &sets[0]); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	return nil
}
