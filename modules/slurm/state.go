package slurm

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"muster/inventory/hostlist"
	"muster/modules/machine"
)

// StateTable is the table of nodes that slurmctld has drained because an earlier
// slurm.conf promised more of them than they have. SLURM leaves such a node
// drained after slurm.conf has been put right. Its key is the cluster's name;
// the field "drained" lists those of the nodes that slurm.conf, as it is on the
// machine that reads, no longer wrongs: one a line.
type StateTable struct{}

// StateTableName is its name.
const StateTableName = "slurm_node_state"

// StateReads is the query of StateTable.
var StateReads = []string{"sinfo", "--noheader", "--Node", "--format=" + stateFormat}

// stateFormat: name, state, who gave the reason, processors, memory, reason. The
// reason may hold anything, so it is the last.
const stateFormat = "%N|%T|%u|%c|%m|%E"

// Name of the table.
func (StateTable) Name() string { return StateTableName }

// Read asks slurmctld and compares with slurm.conf. A controller that never ran
// has drained nobody. One that is stopped but has a state, or does not answer,
// leaves it unknown.
func (StateTable) Read(ctx context.Context, m machine.Machine, _ string, _ []string) (machine.State, error) {
	conf, err := m.Read(ctx, machine.Ref{Table: "file", Key: ConfPath}, "content")
	if err != nil {
		return nil, err
	}
	promised := parseNodes(conf.Get("content").S)
	unit := machine.Ref{Table: "unit", Key: ControllerUnit}
	u, err := m.Read(ctx, unit, "running")
	if err != nil {
		return nil, err
	}
	if !u.Get("running").True() {
		return stoppedState(ctx, m, promised.stateDir)
	}
	r, err := m.Query(ctx, machine.Query{Argv: StateReads, Reads: []machine.Ref{unit}, OK: []int{1}})
	if err != nil {
		return nil, err
	}
	if r.Unknown {
		// A controller that was started for the first time has drained nobody either.
		if s, err := stoppedState(ctx, m, promised.stateDir); err != nil || !s.Unknown() {
			return s, err
		}
		return drained(machine.Unknown(r.Why)), nil
	}
	if r.Exit != 0 {
		return drained(machine.Unknown("slurmctld does not answer")), nil
	}
	return drained(machine.Text(strings.Join(promised.cured(r.Stdout), "\n"))), nil
}

func drained(v machine.Value) machine.State { return machine.State{"drained": v} }

// stoppedState: without a saved node state there are no drained nodes.
func stoppedState(ctx context.Context, m machine.Machine, dir string) (machine.State, error) {
	s, err := m.Read(ctx, machine.Ref{Table: "file", Key: path.Join(dir, "node_state")}, "type")
	if err != nil {
		return nil, err
	}
	if s == nil {
		return drained(machine.Text("")), nil
	}
	return drained(machine.Unknown("slurmctld does not run")), nil
}

// Write resumes the nodes that are to leave the list. A node that is no longer
// drained by then is no error.
func (StateTable) Write(ctx context.Context, run machine.Runner, _ string, was, want machine.State) error {
	keep := strings.Split(want.Get("drained").S, "\n")
	var names []string
	for _, name := range strings.Split(was.Get("drained").S, "\n") {
		if name != "" && !slices.Contains(keep, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if _, err := run(ctx, machine.Run{Argv: []string{"scontrol", "update", "nodename=" + name, "state=resume"}, OK: []int{1}}); err != nil {
			return err
		}
	}
	return nil
}

// promise is what slurm.conf says of nodes.
type promise struct {
	stateDir string
	nodes    map[string]nodePromise
}

type nodePromise struct{ cpus, memory, gpus int }

// parseNodes reads what matters here of a slurm.conf.
func parseNodes(conf string) promise {
	p := promise{StateDir, map[string]nodePromise{}}
	for _, l := range strings.Split(conf, "\n") {
		kv := map[string]string{}
		for _, w := range strings.Fields(l) {
			k, v, _ := strings.Cut(w, "=")
			kv[strings.ToLower(k)] = v
		}
		if dir, ok := kv["statesavelocation"]; ok {
			p.stateDir = dir
		}
		names, err := hostlist.Expand(kv["nodename"])
		if err != nil {
			continue
		}
		n := nodePromise{cpus: number(kv["cpus"]), memory: number(kv["realmemory"]), gpus: number(kv["gres"][strings.LastIndex(kv["gres"], ":")+1:])}
		if n.cpus == 0 {
			n.cpus = number(kv["sockets"]) * number(kv["corespersocket"]) * number(kv["threadspercore"])
		}
		for _, name := range names {
			p.nodes[name] = n
		}
	}
	return p
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// The reasons that slurmctld 24.11 gives a node which registers with less than
// slurm.conf says.
var (
	lowMemory = regexp.MustCompile(`^Low RealMemory \(reported:([0-9]+) `)
	lowGPUs   = regexp.MustCompile(`^gres/gpu count reported lower than configured \(([0-9]+) < `)
)

// lowCPUs begins the reason for processors, which tells no numbers.
const lowCPUs = "Low socket*core"

// cured lists the nodes of a sinfo listing that are drained for one of these
// reasons, given by slurmctld itself, which the promise no longer gives cause to.
func (p promise) cured(listing string) []string {
	var out []string
	for _, l := range strings.Split(listing, "\n") {
		f := strings.SplitN(l, "|", 6)
		if len(f) != 6 || f[2] != "slurm" {
			continue
		}
		want, known := p.nodes[f[0]]
		if known && !slices.Contains(out, f[0]) && want.cures(f[1], number(f[3]), f[5]) {
			out = append(out, f[0])
		}
	}
	slices.SortFunc(out, natural)
	return out
}

// cures says whether a node with this state, this many processors in the running
// configuration, and this reason would be let in by what is wanted now.
func (n nodePromise) cures(state string, cpus int, reason string) bool {
	if m := lowMemory.FindStringSubmatch(reason); m != nil {
		return n.memory <= number(m[1])
	}
	if m := lowGPUs.FindStringSubmatch(reason); m != nil {
		return n.gpus <= number(m[1])
	}
	if strings.HasPrefix(reason, lowCPUs) {
		return n.cpus < cpus || !strings.HasPrefix(state, "inval")
	}
	return false
}

// CheckName refuses a node whose own name SLURM would not find among those of
// the inventory: slurmd and slurmctld know themselves by it.
func CheckName(ctx context.Context, m machine.Machine, what string, names ...string) (string, error) {
	s, err := m.Read(ctx, machine.Ref{Table: "hostname"}, "name")
	if err != nil {
		return "", err
	}
	v := s.Get("name")
	own := Short(v.S)
	if v.Unknown || slices.Contains(names, own) {
		return own, nil
	}
	return own, &machine.Error{Object: "hostname", Op: what,
		Err:  fmt.Errorf("host calls itself %s, inventory %s", own, strings.Join(names, " or ")),
		Hint: `give it the inventory's name with a step "hostname" before this one`}
}
