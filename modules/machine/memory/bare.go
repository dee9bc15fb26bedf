package memory

import "muster/modules/machine"

// bareFolders exist on every Linux system.
var bareFolders = []string{"/", "/boot", "/etc", "/etc/default", "/etc/modprobe.d", "/etc/modules-load.d", "/etc/sysctl.d", "/etc/systemd",
	"/etc/systemd/system", "/home", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin",
	"/usr/share", "/var", "/var/cache", "/var/lib", "/var/log", "/var/spool"}

// Bare makes an installed system with nothing on it: the folders that every Linux
// has, and the host name of the facts.
func Bare(facts machine.Facts) *Store {
	s := New(facts)
	for _, dir := range bareFolders {
		s.Seed(machine.Ref{Table: "file", Key: dir}, Folder("root", "0755"))
	}
	s.Seed(machine.Ref{Table: "hostname"}, machine.State{"name": machine.Text(facts.Hostname)})
	return s
}

// Folder is the state of a folder that owner has, as user and as group; mode is
// four octal digits.
func Folder(owner, mode string) machine.State {
	return machine.State{"type": machine.Text("directory"), "mode": machine.Text(mode), "owner": machine.Text(owner), "group": machine.Text(owner)}
}
