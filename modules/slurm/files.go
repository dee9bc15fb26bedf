package slurm

import (
	"fmt"
	"slices"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// Paths of the files, on every distribution's packages.
const (
	Dir           = "/etc/slurm"
	ConfPath      = Dir + "/slurm.conf"
	GresPath      = Dir + "/gres.conf"
	CgroupPath    = Dir + "/cgroup.conf"
	PlugstackPath = Dir + "/plugstack.conf"
	// StateDir is the StateSaveLocation of the Debian packages.
	StateDir = "/var/lib/slurm/slurmctld"
)

// gresConf names the GPUs of the nodes.
func (c *Cluster) gresConf(n nodes) string {
	var b strings.Builder
	b.WriteString(header)
	for _, l := range n.lines {
		if l.gpus == 0 {
			continue
		}
		b.WriteString("NodeName=" + Fold(l.names))
		if c.GPUAutodetect != "off" {
			b.WriteString(" AutoDetect=" + c.GPUAutodetect)
		}
		b.WriteString(" Name=gpu")
		if l.gpuType != "" {
			b.WriteString(" Type=" + l.gpuType)
		}
		if c.GPUAutodetect == "off" {
			b.WriteString(" File=" + devices(l.gpus))
		} else {
			fmt.Fprintf(&b, " Count=%d", l.gpus)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func devices(n int) string {
	if n == 1 {
		return "/dev/nvidia0"
	}
	return fmt.Sprintf("/dev/nvidia[0-%d]", n-1)
}

// cgroupConf confines jobs to what they were given.
func (c *Cluster) cgroupConf() string {
	plugin := c.plugin()
	if plugin == "disabled" {
		return header + "CgroupPlugin=disabled\n"
	}
	out := header + "CgroupPlugin=" + plugin + "\n"
	if plugin == "cgroup/v1" {
		out += "CgroupMountpoint=/sys/fs/cgroup\n"
	}
	return out + "ConstrainCores=yes\nConstrainDevices=yes\nConstrainRAMSpace=yes\n"
}

// plugin chooses the cgroup plugin: v1 as soon as one of the nodes has its
// controllers there (SLURM's own detection refuses the hybrid layout), otherwise
// each node's own choice.
func (c *Cluster) plugin() string {
	if c.CgroupPlugin != "auto" {
		return c.CgroupPlugin
	}
	v1 := func(h modules.Host) bool {
		return h.Facts != nil && (h.Facts.Cgroup == "v1" || h.Facts.Cgroup == "hybrid")
	}
	if slices.ContainsFunc(c.Nodes, v1) {
		return "cgroup/v1"
	}
	return "autodetect"
}

// plugstack replaces the packaged file: that one includes a pattern of names,
// which slurmctld cannot hand on to nodes without files.
func (c *Cluster) plugstack() string {
	out := header
	for _, l := range c.Spank {
		out += l + "\n"
	}
	return out
}

// Items are the files as they shall be on a node. slurm.conf comes last:
// it refers to the others.
func (f Files) Items() []machine.Item {
	var out []machine.Item
	for _, x := range [][2]string{{GresPath, f.Gres}, {CgroupPath, f.Cgroup}, {PlugstackPath, f.Plugstack}, {ConfPath, f.Slurm}} {
		out = append(out, modules.FileItem(x[0], x[1], "0644", "root", "root"))
	}
	return out
}
