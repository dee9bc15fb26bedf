package main

import (
	"context"

	"muster/modules/machine"
	"muster/modules/machine/memory"
)

// bareNode is a node of which only the facts are known: an installed system with
// nothing on it. What only the node could answer is unknown.
type bareNode struct{ *memory.Store }

// bareFolders exist on every Linux system.
var bareFolders = []string{"/", "/boot", "/etc", "/etc/default", "/etc/modprobe.d", "/etc/modules-load.d", "/etc/sysctl.d", "/etc/systemd",
	"/etc/systemd/system", "/home", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin",
	"/usr/share", "/var", "/var/cache", "/var/lib", "/var/log", "/var/spool"}

func newBareNode(facts machine.Facts) bareNode {
	s := memory.New(facts)
	for _, dir := range bareFolders {
		s.Seed(machine.Ref{Table: "file", Key: dir}, machine.State{"type": machine.Text("directory"), "mode": machine.Text("0755"),
			"owner": machine.Text("root"), "group": machine.Text("root")})
	}
	s.Seed(machine.Ref{Table: "hostname"}, machine.State{"name": machine.Text(facts.Hostname)})
	return bareNode{s}
}

const notConnected = "not connected"

// Get implements machine.Store: what a repository offers is not known.
func (b bareNode) Get(ctx context.Context, via machine.Machine, ref machine.Ref, fields []string) (machine.State, error) {
	if ref.Table == "package_candidate" {
		return machine.State{"version": machine.Unknown(notConnected)}, nil
	}
	return b.Store.Get(ctx, via, ref, fields)
}

// Exec implements machine.Store: nothing can be asked.
func (b bareNode) Exec(context.Context, machine.Run, bool) (machine.Result, error) {
	return machine.Result{Unknown: true, Why: notConnected}, nil
}
