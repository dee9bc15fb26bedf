package machine

import (
	"fmt"
	"net/netip"
	"strings"
)

// Bounds of facts. They are wide: what lies beyond is not a big machine but a node
// that lies, or a bug.
const (
	MaxFact     = 128  // longest text, in bytes
	maxFactList = 4096 // most devices of a kind
	maxCPUs     = 1 << 16
	maxMemoryMB = 256 << 20 // 256 TiB
	maxDiskGB   = 1 << 24   // 16 EB
)

// FactRune says whether a fact's text may hold r. Nothing that a configuration
// file, a shell or a terminal takes for more than itself is among them.
func FactRune(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("_.:/+ -", r)
}

// factWord says whether a fact that is one word may hold r: a second word could be
// another name in a hosts file, or another key on a line of slurm.conf, and a slash
// another folder in a path.
func factWord(r rune) bool { return FactRune(r) && r != ' ' && r != '/' }

// Check refuses facts that could be more than facts. They come from a node and go
// into configuration files of other nodes. The error names the first offender.
func (f Facts) Check() error {
	c := factCheck{}
	for name, s := range map[string]string{"hostname": f.Hostname, "os": f.OS, "codename": f.Codename, "arch": f.Arch,
		"kernel": f.Kernel, "boot_id": f.BootID, "cgroup": f.Cgroup} {
		c.word(name, s)
	}
	c.text("os_version", f.OSVer)
	for name, n := range map[string]int{"cpus": f.CPUs, "sockets": f.Sockets, "cores": f.Cores, "threads": f.Threads} {
		c.number(name, n, maxCPUs)
	}
	c.number("memory_mb", f.MemoryMB, maxMemoryMB)
	c.length("disks", len(f.Disks))
	c.length("nics", len(f.NICs))
	c.length("gpus", len(f.GPUs))
	c.length("hcas", len(f.HCAs))
	if c.err != nil {
		return c.err // the lists may be long
	}
	for _, d := range f.Disks {
		c.word("disks.name", d.Name)
		c.text("disks.model", d.Model)
		c.number("disks.size_gb", d.SizeGB, maxDiskGB)
	}
	for _, n := range f.NICs {
		c.word("nics.name", n.Name)
		c.word("nics.mac", n.MAC)
		c.length("nics.addresses", len(n.Addresses))
		for _, a := range n.Addresses {
			c.prefix("nics.addresses", a)
		}
	}
	for _, d := range append(append([]PCI(nil), f.GPUs...), f.HCAs...) {
		for _, s := range []string{d.Address, d.Vendor, d.Device, d.Class} {
			c.word("pci", s)
		}
	}
	return c.err
}

// factCheck keeps the first complaint.
type factCheck struct{ err error }

func (c *factCheck) text(name, s string) { c.of(name, s, FactRune) }

// word is a text without spaces and slashes, which is not taken for an option.
func (c *factCheck) word(name, s string) {
	c.of(name, s, factWord)
	if c.err == nil && (strings.HasPrefix(s, "-") || strings.Contains(s, "..")) {
		c.err = fmt.Errorf("%s: %q is not allowed in it", name, s)
	}
}

// prefix is an address in CIDR notation.
func (c *factCheck) prefix(name, s string) {
	c.text(name, s)
	if _, err := netip.ParsePrefix(s); c.err == nil && err != nil {
		c.err = fmt.Errorf("%s: %q is no address", name, s)
	}
}

func (c *factCheck) of(name, s string, allowed func(rune) bool) {
	if c.err != nil {
		return
	}
	bad := strings.IndexFunc(s, func(r rune) bool { return !allowed(r) })
	switch {
	case len(s) > MaxFact:
		c.err = fmt.Errorf("%s: %d bytes, at most %d are allowed", name, len(s), MaxFact)
	case bad >= 0:
		c.err = fmt.Errorf("%s: %q is not allowed in it", name, s)
	}
}

func (c *factCheck) number(name string, n, most int) {
	if c.err == nil && (n < 0 || n > most) {
		c.err = fmt.Errorf("%s: %d is not between 0 and %d", name, n, most)
	}
}

func (c *factCheck) length(name string, n int) {
	if c.err == nil && n > maxFactList {
		c.err = fmt.Errorf("%s: %d entries, at most %d are allowed", name, n, maxFactList)
	}
}
