package slurm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// hostVars are the inventory variables of a node that slurm.conf is made from.
var hostVars = []string{"sockets", "cores", "threads", "cpus", "memory_mb", "real_memory", "gpus", "gpu_type", "features", "weight"}

// nvidia is NVIDIA's PCI vendor id.
const nvidia = "10de"

// gpuWeight makes nodes with GPUs the last ones for jobs that need none, in a
// cluster that has both.
const gpuWeight = "100"

// gpuTypes names the GPUs of DGX and HGX machines by PCI device id, as in
// NVIDIA's list of supported chips; others stay untyped.
var gpuTypes = map[string]string{
	"1db1": "v100", "1db5": "v100", "1eb8": "t4",
	"20b0": "a100", "20b2": "a100", "20b5": "a100",
	"26b5": "l40", "26b9": "l40s",
	"2330": "h100", "2331": "h100", "2335": "h200", "2342": "gh200",
	"2901": "b200",
}

// size is what a NodeName line promises of a node. Nodes of equal sizes share a
// line.
type size struct {
	cpus, sockets, cores, threads int
	memory                        int // RealMemory, MiB
	gpus                          int
	gpuType, features, weight     string
}

// line is nodes of one size, in natural order.
type line struct {
	size
	names, addresses []string
}

// nodes is the cluster's nodes as lines, and the names of those whose sizes
// nobody knows yet.
type nodes struct {
	lines   []line
	missing []string
	names   []string // all that have a line, in natural order
}

// sized gives every node its size. It fails where an inventory variable is no
// number.
func (c *Cluster) sized() (nodes, error) {
	hosts := slices.Clone(c.Nodes)
	slices.SortFunc(hosts, func(a, b modules.Host) int { return natural(Short(a.Name), Short(b.Name)) })
	var out nodes
	bySize := map[size]int{}
	for _, h := range hosts {
		s, known, err := c.sizeOf(h)
		if err != nil {
			return out, fmt.Errorf("node %s: %w", h.Name, err)
		}
		if !known {
			out.missing = append(out.missing, Short(h.Name))
			continue
		}
		i, ok := bySize[s]
		if !ok {
			i = len(out.lines)
			bySize[s] = i
			out.lines = append(out.lines, line{size: s})
		}
		out.lines[i].names = append(out.lines[i].names, Short(h.Name))
		out.lines[i].addresses = append(out.lines[i].addresses, address(h))
		out.names = append(out.names, Short(h.Name))
	}
	out.weigh()
	return out, nil
}

// weigh puts nodes with GPUs behind those without.
func (n *nodes) weigh() {
	without := slices.ContainsFunc(n.lines, func(l line) bool { return l.gpus == 0 })
	for i := range n.lines {
		if n.lines[i].gpus > 0 && n.lines[i].weight == "" && without {
			n.lines[i].weight = gpuWeight
		}
	}
}

func (c *Cluster) sizeOf(h modules.Host) (s size, known bool, err error) {
	s = size{gpuType: h.Vars["gpu_type"], features: h.Vars["features"], weight: h.Vars["weight"]}
	v := map[string]int{}
	for _, name := range []string{"sockets", "cores", "threads", "cpus", "memory_mb", "real_memory", "gpus", "weight"} {
		text, ok := h.Vars[name]
		if !ok {
			continue
		}
		if v[name], err = strconv.Atoi(text); err != nil || v[name] < 0 {
			return s, false, fmt.Errorf("variable %s: %q is no number", name, text)
		}
	}
	memory := v["memory_mb"]
	s.cpus, s.sockets, s.cores, s.threads = v["cpus"], v["sockets"], v["cores"], v["threads"]
	if f := h.Facts; f != nil {
		memory = f.MemoryMB
		s.cpus, s.sockets, s.cores, s.threads = f.CPUs, f.Sockets, f.Cores, f.Threads
	}
	s.memory = memory * c.MemoryPercent / 100
	if v["real_memory"] > 0 {
		s.memory = v["real_memory"]
	}
	s.topology()
	c.gpusOf(h, v, &s)
	return s, s.cpus > 0 && s.memory > 0, nil
}

// topology completes the processor counts. Counts that do not multiply to the
// number of processors (some are offline) are dropped: slurmd counts the same
// way, and one number cannot contradict it.
func (s *size) topology() {
	if s.sockets > 0 && s.cores > 0 && s.threads == 0 {
		s.threads = 1
	}
	product := s.sockets * s.cores * s.threads
	if s.cpus == 0 {
		s.cpus = product
	}
	if product != s.cpus {
		s.sockets, s.cores, s.threads = 0, 0, 0
	}
}

func (c *Cluster) gpusOf(h modules.Host, v map[string]int, s *size) {
	if !c.GPUs {
		s.gpuType = ""
		return
	}
	var found []machine.PCI
	if h.Facts != nil {
		for _, g := range h.Facts.GPUs {
			if g.Vendor == nvidia {
				found = append(found, g)
			}
		}
	}
	s.gpus = len(found)
	if _, said := h.Vars["gpus"]; said {
		s.gpus = v["gpus"]
	}
	if s.gpus == 0 {
		s.gpuType = ""
		return
	}
	if s.gpuType == "" && sameDevice(found) {
		s.gpuType = gpuTypes[found[0].Device]
	}
}

func sameDevice(list []machine.PCI) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(p machine.PCI) bool { return p.Device != list[0].Device })
}

// text is the NodeName line.
func (l line) text() string {
	out := []string{"NodeName=" + Fold(l.names), "NodeAddr=" + Fold(l.addresses)}
	if l.sockets > 0 {
		out = append(out, fmt.Sprintf("Sockets=%d CoresPerSocket=%d ThreadsPerCore=%d", l.sockets, l.cores, l.threads))
	} else {
		out = append(out, fmt.Sprintf("CPUs=%d", l.cpus))
	}
	out = append(out, fmt.Sprintf("RealMemory=%d", l.memory))
	if l.gpus > 0 {
		out = append(out, "Gres="+l.gres())
	}
	if l.features != "" {
		out = append(out, "Feature="+l.features)
	}
	if l.weight != "" {
		out = append(out, "Weight="+l.weight)
	}
	return strings.Join(append(out, "State=UNKNOWN"), " ")
}

func (l line) gres() string {
	if l.gpuType == "" {
		return fmt.Sprintf("gpu:%d", l.gpus)
	}
	return fmt.Sprintf("gpu:%s:%d", l.gpuType, l.gpus)
}
