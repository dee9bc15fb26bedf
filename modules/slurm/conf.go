package slurm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"muster/modules"
)

// pair is one Key=Value line.
type pair struct{ key, value string }

// text is the line; SLURM reads a value with spaces only in quotes.
func (p pair) text() string {
	if strings.Contains(p.value, " ") && !strings.Contains(p.value, `"`) {
		return p.key + `="` + p.value + `"`
	}
	return p.key + "=" + p.value
}

// section is some lines of slurm.conf under a heading.
type section struct {
	title string
	pairs []pair
}

// Files are the configuration files of a cluster, by content.
type Files struct {
	Slurm, Gres, Cgroup, Plugstack string
	// Missing are nodes that have no line in slurm.conf yet, because neither
	// facts nor variables tell their sizes.
	Missing []string
}

// header stands on top of every file.
const header = "# Written by muster. Changes made here by hand are put back by the next apply.\n"

// Render makes the files. It fails where no node has a known size, or where a
// partition names a node that is not one of the cluster's.
func (c *Cluster) Render() (Files, error) {
	n, err := c.sized()
	if err != nil {
		return Files{}, err
	}
	if len(n.lines) == 0 {
		return Files{}, fmt.Errorf("no node has a known size: connect to one, or give its variables cpus and memory_mb")
	}
	sections := c.sections(n)
	var b strings.Builder
	b.WriteString(header)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n# %s\n", s.title)
		for _, p := range s.pairs {
			b.WriteString(p.text() + "\n")
		}
	}
	b.WriteString("\n# Nodes\n")
	for _, l := range n.lines {
		b.WriteString(l.text() + "\n")
	}
	if len(n.missing) > 0 {
		b.WriteString("# left out, nothing is known of their sizes: " + Fold(n.missing) + "\n")
	}
	b.WriteString("\n# Partitions\n")
	for _, line := range c.partitionLines(n) {
		b.WriteString(line + "\n")
	}
	return Files{
		Slurm: b.String(), Gres: c.gresConf(n), Cgroup: c.cgroupConf(), Plugstack: c.plugstack(),
		Missing: n.missing,
	}, nil
}

// sections are the keys of slurm.conf with the options laid over them: an
// option replaces a key where it stands, an empty one takes it away, others
// follow at the end in order of their names.
func (c *Cluster) sections(n nodes) []section {
	out := slices.Concat(c.identity(), c.behaviour(n))
	used := map[string]bool{}
	for i := range out {
		var kept []pair
		for _, p := range out[i].pairs {
			if v, ok := c.option(p.key); ok {
				used[strings.ToLower(p.key)] = true
				p.value = v
			}
			if p.value != "" {
				kept = append(kept, p)
			}
		}
		out[i].pairs = kept
	}
	var more []pair
	for k, v := range c.Options {
		if !used[strings.ToLower(k)] && v != "" {
			more = append(more, pair{k, v})
		}
	}
	if len(more) > 0 {
		slices.SortFunc(more, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
		out = append(out, section{"Options", more})
	}
	return slices.DeleteFunc(out, func(s section) bool { return len(s.pairs) == 0 })
}

// identity is what does not depend on the nodes.
func (c *Cluster) identity() []section {
	s := section{title: "Cluster", pairs: []pair{{"ClusterName", c.ClusterName}}}
	for _, h := range c.Controllers {
		s.pairs = append(s.pairs, pair{"SlurmctldHost", fmt.Sprintf("%s(%s)", Short(h.Name), address(h))})
	}
	s.pairs = append(s.pairs,
		pair{"SlurmUser", "slurm"}, pair{"AuthType", "auth/munge"}, pair{"CredType", "cred/munge"},
		pair{"SlurmctldParameters", "enable_configless"},
		// Folders of the Debian packages, owned by slurm; the run folders are made by
		// the units.
		pair{"StateSaveLocation", StateDir}, pair{"SlurmdSpoolDir", "/var/lib/slurm/slurmd"},
		pair{"SlurmctldPidFile", "/run/slurmctld/slurmctld.pid"}, pair{"SlurmdPidFile", "/run/slurm/slurmd.pid"},
		pair{"SlurmctldLogFile", "/var/log/slurm/slurmctld.log"}, pair{"SlurmdLogFile", "/var/log/slurm/slurmd.log"},
	)
	jobs := section{"Jobs", []pair{
		{"ProctrackType", "proctrack/cgroup"}, {"TaskPlugin", "task/cgroup,task/affinity"}, {"PrologFlags", "Contain"},
		{"JobAcctGatherType", "jobacct_gather/cgroup"}, {"JobAcctGatherFrequency", "30"},
		{"SelectType", "select/cons_tres"}, {"SelectTypeParameters", "CR_Core_Memory"},
		{"SchedulerType", "sched/backfill"}, {"MpiDefault", "pmix"},
		{"LaunchParameters", "use_interactive_step"},
		// The small memlock limit of a login shell would break RDMA in jobs.
		{"PropagateResourceLimitsExcept", "MEMLOCK"},
	}}
	if c.CgroupPlugin == "disabled" {
		jobs.pairs[0].value, jobs.pairs[1].value = "proctrack/linuxproc", "task/affinity"
		jobs.pairs[2].value, jobs.pairs[3].value = "", "jobacct_gather/linux"
	}
	return []section{s, jobs, c.accounting()}
}

func (c *Cluster) accounting() section {
	if len(c.Database) == 0 {
		return section{"Accounting", []pair{{"AccountingStorageType", ""}}}
	}
	s := section{"Accounting", []pair{
		{"AccountingStorageType", "accounting_storage/slurmdbd"},
		{"AccountingStorageHost", address(c.Database[0])},
	}}
	if len(c.Database) > 1 {
		s.pairs = append(s.pairs, pair{"AccountingStorageBackupHost", address(c.Database[1])})
	}
	// Weights so that a share counts more than a queue, and that more than age: the
	// usual ladder of powers of ten.
	s.pairs = append(s.pairs, pair{"PriorityType", "priority/multifactor"},
		pair{"PriorityWeightFairshare", "100000"}, pair{"PriorityWeightQOS", "10000"},
		pair{"PriorityWeightPartition", "10000"}, pair{"PriorityWeightAge", "1000"}, pair{"PriorityWeightJobSize", "1000"},
		pair{"PriorityDecayHalfLife", "14-0"}, pair{"PriorityMaxAge", "7-0"})
	return s
}

// behaviour is what depends on the nodes, and timers.
func (c *Cluster) behaviour(n nodes) []section {
	share := section{"Shares of a node", []pair{{"DefMemPerCPU", fmt.Sprint(n.memoryPerCPU())}}}
	if n.hasGPUs() {
		share.pairs = append(share.pairs, pair{"GresTypes", "gpu"})
		if len(c.Database) > 0 {
			share.pairs = append(share.pairs, pair{"AccountingStorageTRES", "gres/gpu"})
		}
	}
	return []section{share, {"Time limits and recovery, in seconds", []pair{
		{"ReturnToService", fmt.Sprint(c.ReturnToService)},
		{"SlurmctldTimeout", "120"}, {"SlurmdTimeout", "300"}, {"MessageTimeout", "30"}, {"KillWait", "30"},
		// Five times MessageTimeout and more, or nodes drain with "Kill task failed".
		{"UnkillableStepTimeout", "180"},
		{"RebootProgram", "/usr/bin/systemctl reboot"}, {"ResumeTimeout", "900"},
		{"MailProg", "/usr/bin/true"},
	}}}
}

// memoryPerCPU is the memory of a job that asks for none, in MiB per processor:
// the smallest node's share, so that jobs which fill the processors of a node fit
// into its memory. Without it a job takes the memory of a whole node.
func (n nodes) memoryPerCPU() int {
	least := 0
	for _, l := range n.lines {
		if m := l.memory / l.cpus; least == 0 || m < least {
			least = m
		}
	}
	return max(least, 1)
}

func (n nodes) hasGPUs() bool {
	return slices.ContainsFunc(n.lines, func(l line) bool { return l.gpus > 0 })
}

// option looks a key up as SLURM does, without regard to case.
func (c *Cluster) option(key string) (string, bool) {
	for k, v := range c.Options {
		if strings.EqualFold(k, key) {
			if strings.EqualFold(k, "SlurmctldParameters") && !strings.Contains(v, "enable_configless") {
				v = strings.TrimPrefix(v+",enable_configless", ",")
			}
			return v, true
		}
	}
	return "", false
}

// checkOptions refuses keys that have arguments or lines of their own.
func (c *Cluster) checkOptions() error {
	own := map[string]string{
		"clustername": "cluster_name", "slurmctldhost": "controllers", "nodename": "nodes", "partitionname": "partition",
		"accountingstoragehost": "database", "returntoservice": "return_to_service",
		"include": "", "nodeset": "", "frontendname": "", "downnodes": "",
	}
	seen := map[string]bool{}
	for k, v := range c.Options {
		low := strings.ToLower(k)
		arg, reserved := own[low]
		switch {
		case reserved && arg != "":
			return modules.BadArg("options", "%s: use the argument %s", k, arg)
		case reserved:
			return modules.BadArg("options", "%s: is not supported", k)
		case !keyPattern.MatchString(k):
			return modules.BadArg("options", "%q is no key of slurm.conf", k)
		case strings.ContainsAny(v, "\n\r\x00#"):
			return modules.BadArg("options", "%s: a value is one line without #", k)
		case seen[low]:
			return modules.BadArg("options", "%s: given twice in different spelling", k)
		}
		seen[low] = true
	}
	return nil
}
