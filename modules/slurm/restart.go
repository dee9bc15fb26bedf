package slurm

import (
	"maps"
	"slices"
	"strings"
)

// needsRestart are the keys (in lower case) that a running slurmctld or slurmd
// does not take over by `scontrol reconfigure`: who it is, whom it trusts, where
// it listens and where it keeps its state.
//
// Everything else is taken over, plugins too, because the daemons of 24.11 start
// themselves anew in place. Seen with 24.11.5: scheduler, priority, proctrack,
// task, jobacct_gather, accounting_storage, MpiDefault, GresTypes and PrologFlags
// change by a reconfigure; after SlurmctldPort or AuthType scontrol no longer
// reaches the daemon, after SlurmdPort slurmctld no longer reaches the nodes, and
// ClusterName is refused. SelectType, switch and hash plugins are from the manual.
var needsRestart = map[string]bool{
	"clustername": true, "slurmctldhost": true, "slurmuser": true, "slurmduser": true,
	"authtype": true, "authalttypes": true, "authaltparameters": true, "authinfo": true, "credtype": true,
	"slurmctldport": true, "slurmdport": true, "slurmctldaddr": true, "communicationparameters": true, "tlstype": true,
	"statesavelocation": true, "slurmdspooldir": true, "slurmctldpidfile": true, "slurmdpidfile": true, "plugindir": true,
	"selecttype": true, "switchtype": true, "hashplugin": true, "jobcontainertype": true, "burstbuffertype": true,
}

// RestartKeys are these keys in order: slurmctld, which reads slurm.conf itself,
// has them as an input, so that also one which muster did not start is known by
// what it was started with.
func RestartKeys() []string { return slices.Sorted(maps.Keys(needsRestart)) }

// RestartInput names what Restart gives, as a unit's input.
const RestartInput = "cluster settings"

// Restart is the part of the configuration that needs a restart of every slurmd:
// one key a line, in order. It does not depend on the nodes, so
// that a node can know it without knowing the others.
func (c *Cluster) Restart() string {
	var b strings.Builder
	for _, s := range c.sections(nodes{}) {
		for _, p := range s.pairs {
			if needsRestart[strings.ToLower(p.key)] {
				b.WriteString(p.key + "=" + p.value + "\n")
			}
		}
	}
	return b.String() + "CgroupPlugin=" + c.CgroupPlugin + "\n"
}
