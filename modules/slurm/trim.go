package slurm

import (
	"muster/modules"
	"muster/modules/machine"
)

// Trim keeps of the hosts what slurm.conf is made from: a configuration with the
// facts of some thousand nodes has to fit into a frame.
func (c *Cluster) Trim() {
	c.Controllers, c.Database = bare(c.Controllers), bare(c.Database)
	var parts []Partition
	for _, p := range c.Partitions {
		p.Nodes = bare(p.Nodes)
		parts = append(parts, p)
	}
	c.Partitions = parts
	nodes := bare(c.Nodes)
	for i, h := range c.Nodes {
		for _, name := range hostVars {
			if v, ok := h.Vars[name]; ok {
				if nodes[i].Vars == nil {
					nodes[i].Vars = map[string]string{}
				}
				nodes[i].Vars[name] = v
			}
		}
		nodes[i].Facts = sizes(h.Facts)
	}
	c.Nodes = nodes
}

// bare is the hosts' names and addresses.
func bare(hosts []modules.Host) []modules.Host {
	var out []modules.Host
	for _, h := range hosts {
		out = append(out, modules.Host{Name: h.Name, Address: h.Address})
	}
	return out
}

func sizes(f *machine.Facts) *machine.Facts {
	if f == nil {
		return nil
	}
	out := &machine.Facts{CPUs: f.CPUs, Sockets: f.Sockets, Cores: f.Cores, Threads: f.Threads, MemoryMB: f.MemoryMB, Cgroup: f.Cgroup}
	for _, g := range f.GPUs {
		out.GPUs = append(out.GPUs, machine.PCI{Vendor: g.Vendor, Device: g.Device})
	}
	return out
}
