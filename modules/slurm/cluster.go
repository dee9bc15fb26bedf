// Package slurm holds what the SLURM modules share: the arguments that describe
// a cluster, and the pure functions that turn them into slurm.conf, gres.conf
// and cgroup.conf. Equal arguments give equal bytes.
package slurm

import (
	"regexp"
	"slices"
	"strings"

	"muster/modules"
)

// Cluster is the part of the arguments that all SLURM modules share. Modules
// embed it. The steps of one cluster have to be given the same values.
type Cluster struct {
	ClusterName string         `arg:"cluster_name" doc:"ClusterName: lower case, at most 40 characters; it cannot change once the controller has run"`
	Controllers []modules.Host `arg:"controllers,required" doc:"hosts that run slurmctld, the primary first: hosts(\"slurm_controller\")"`
	Database    []modules.Host `arg:"database" doc:"hosts that run slurmdbd, the primary first; none: no accounting"`
	Nodes       []modules.Host `arg:"nodes" doc:"compute nodes, with their facts: hosts(\"slurm_node\"). A node without facts takes its sizes from its variables sockets, cores, threads, cpus, memory_mb and gpus; real_memory, gpu_type, features and weight may be set beside facts"`
	Partitions  []Partition    `arg:"partition,block" doc:"a partition"`
	// MorePartitions are partitions that come as data, from a variable.
	MorePartitions  map[string]string `arg:"partitions" doc:"partitions as data: name to the rest of its line, such as \"Nodes=dgx[01-04] MaxTime=1-00:00:00\"; without Nodes it has all nodes"`
	Options         map[string]string `arg:"options" doc:"further keys of slurm.conf, or other values for those that muster writes; an empty value leaves a key out"`
	CgroupPlugin    string            `arg:"cgroup_plugin" doc:"auto, autodetect, cgroup/v1, cgroup/v2, or disabled (no confinement of jobs, for nodes whose cgroups cannot be used). auto looks at the nodes"`
	GPUs            bool              `arg:"gpus" doc:"offer the NVIDIA GPUs that the facts show as gres/gpu; false until their driver is installed"`
	GPUAutodetect   string            `arg:"gpu_autodetect" doc:"off (gres.conf names /dev/nvidia0 and so on), nvidia, or nvml (needs the NVML plugin)"`
	MemoryPercent   int               `arg:"memory_percent" doc:"share of a node's memory that jobs may have; a node that reports less than its RealMemory is drained, and a new kernel takes a little"`
	ReturnToService int               `arg:"return_to_service" doc:"ReturnToService: 1 (a node that did not answer comes back by itself, one that rebooted unasked stays down for a look), 2 (both come back) or 0"`
	Spank           []string          `arg:"spank" doc:"lines of plugstack.conf"`
}

// Partition is one PartitionName line.
type Partition struct {
	Name        string            `arg:"name,label" doc:"name of the partition"`
	Nodes       []modules.Host    `arg:"nodes" doc:"its nodes: hosts(\"pattern\"); none: all nodes of the cluster"`
	Default     bool              `arg:"default" doc:"jobs that name no partition go here; the first partition, where none says so"`
	MaxTime     string            `arg:"max_time" doc:"longest time limit of a job, 1-12:00:00"`
	DefaultTime string            `arg:"default_time" doc:"time limit of a job that names none"`
	State       string            `arg:"state" doc:"UP, DOWN, DRAIN or INACTIVE"`
	Options     map[string]string `arg:"options" doc:"further keys of the PartitionName line"`
}

// Defaults are the arguments that nobody has to give.
func Defaults() Cluster {
	return Cluster{
		ClusterName: "muster", CgroupPlugin: "auto", GPUs: true, GPUAutodetect: "off",
		// slurmd 24.11 refuses to serve below 100 % of RealMemory; 5 % is what a
		// kernel update or a larger crash kernel may take without a drained node.
		MemoryPercent:   95,
		ReturnToService: 1,
	}
}

var (
	clusterPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)
	wordPattern    = regexp.MustCompile(`^[A-Za-z0-9_.:,-]+$`)
	addressPattern = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)
	keyPattern     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
)

// Check says what is wrong with the arguments, as far as no facts are needed.
func (c *Cluster) Check() error {
	if !clusterPattern.MatchString(c.ClusterName) {
		return modules.BadArg("cluster_name", "%q: use lower-case letters, digits, - and _, at most 40", c.ClusterName)
	}
	if len(c.Controllers) == 0 {
		return modules.BadArg("controllers", "there has to be one")
	}
	return modules.FirstError(
		modules.CheckOneOf("cgroup_plugin", c.CgroupPlugin, "auto", "autodetect", "cgroup/v1", "cgroup/v2", "disabled"),
		modules.CheckOneOf("gpu_autodetect", c.GPUAutodetect, "off", "nvidia", "nvml"),
		c.checkNumbers(), c.checkHosts(), c.checkOptions(), c.checkPartitions(),
	)
}

func (c *Cluster) checkNumbers() error {
	if c.MemoryPercent < 1 || c.MemoryPercent > 100 {
		return modules.BadArg("memory_percent", "%d: use 1 to 100", c.MemoryPercent)
	}
	if c.ReturnToService < 0 || c.ReturnToService > 2 {
		return modules.BadArg("return_to_service", "%d: use 0, 1 or 2", c.ReturnToService)
	}
	if _, own := c.option("StateSaveLocation"); len(c.Controllers) > 1 && !own {
		return modules.BadArg("options", "several controllers need a StateSaveLocation that they share, on storage that outlives the primary")
	}
	return nil
}

// checkHosts refuses names that SLURM could confuse or a file could not hold.
func (c *Cluster) checkHosts() error {
	for arg, hosts := range map[string][]modules.Host{"controllers": c.Controllers, "database": c.Database, "nodes": c.Nodes} {
		seen := map[string]string{}
		for _, h := range hosts {
			short := Short(h.Name)
			if other, twice := seen[short]; twice {
				return modules.BadArg(arg, "%s and %s have the same short name %s", other, h.Name, short)
			}
			seen[short] = h.Name
			if !addressPattern.MatchString(short) || strings.EqualFold(short, "default") {
				return modules.BadArg(arg, "%q cannot be a node's name", h.Name)
			}
			if !addressPattern.MatchString(address(h)) {
				return modules.BadArg(arg, "%s: %q cannot be an address", h.Name, h.Address)
			}
			if err := checkVars(arg, h); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkVars(arg string, h modules.Host) error {
	for _, name := range hostVars {
		if v, ok := h.Vars[name]; ok && !wordPattern.MatchString(v) {
			return modules.BadArg(arg, "%s: variable %s: %q: use letters, digits and _ . : , -", h.Name, name, v)
		}
	}
	return nil
}

// Short is a host's name without its domain: what SLURM calls it.
func Short(name string) string {
	short, _, _ := strings.Cut(name, ".")
	return short
}

func address(h modules.Host) string {
	if h.Address == "" {
		return h.Name
	}
	return h.Address
}

// IsController says whether a node of this short name runs slurmctld.
func (c *Cluster) IsController(name string) bool {
	return slices.ContainsFunc(c.Controllers, func(h modules.Host) bool { return Short(h.Name) == name })
}

// ConfServers is the argument of slurmd's --conf-server: addresses, so that no
// name has to resolve, the primary first, with the port where it is not SLURM's
// own (the first one of a range).
func (c *Cluster) ConfServers() string {
	port := ""
	if p, ok := c.option("SlurmctldPort"); ok && p != "" {
		first, _, _ := strings.Cut(p, "-")
		port = ":" + first
	}
	var out []string
	for _, h := range c.Controllers {
		out = append(out, address(h)+port)
	}
	return strings.Join(out, ",")
}

// ControllerNames are the short names of the hosts that run slurmctld.
func (c *Cluster) ControllerNames() []string {
	var out []string
	for _, h := range c.Controllers {
		out = append(out, Short(h.Name))
	}
	return out
}

// StateSaveLocation is the folder where slurmctld keeps its state.
func (c *Cluster) StateSaveLocation() string {
	if dir, ok := c.option("StateSaveLocation"); ok && dir != "" {
		return dir
	}
	return StateDir
}
