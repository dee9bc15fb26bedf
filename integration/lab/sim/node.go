package sim

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/inventory/hostlist"
	"muster/modules/machine"
	"muster/modules/machine/memory"
	"muster/modules/mariadb"
	"muster/modules/slurm"
	"muster/transport/wire"
)

// Version is what every package's candidate is.
const Version = "sim"

// node is one simulated machine. Its state lives as long as its fleet.
type node struct {
	*memory.Store
	name string
	dir  string // the agent's own folder, on the real disk; made when it is needed
	data *database

	mu      sync.Mutex
	holders map[*wire.Holder]bool // who holds the node's lock
}

func newNode(name, dir string) *node {
	n := &node{Store: memory.Bare(machine.Facts{
		Hostname: name, OS: "debian", OSVer: "13", Codename: "trixie", Arch: "amd64", Kernel: "6.12.0-sim", BootID: "sim-" + name,
		CPUs: 64, Sockets: 2, Cores: 16, Threads: 2, MemoryMB: 257000, Cgroup: "v2",
	}), name: name, dir: dir, data: newDatabase(), holders: map[*wire.Holder]bool{}}
	// What a node is reached through runs before anything is applied.
	n.Seed(machine.Ref{Table: "unit", Key: "ssh.service"}, machine.State{"running": machine.Bool(true), "enabled": machine.Bool(true)})
	for pkg, items := range brought {
		n.Brings(pkg, items...)
	}
	return n
}

// Facts are the node's, with the time of now.
func (n *node) Facts() machine.Facts {
	f := n.Store.Facts()
	f.Clock = time.Now().UnixMilli()
	return f
}

// Get implements machine.Store: every package is to be had.
func (n *node) Get(ctx context.Context, via machine.Machine, ref machine.Ref, fields []string) (machine.State, error) {
	if ref.Table == "package_candidate" {
		return machine.State{"version": machine.Text(Version)}, nil
	}
	return n.Store.Get(ctx, via, ref, fields)
}

// Exec implements machine.Store: it answers the programs that the playbook
// slurm-cluster runs, and refuses all others by name.
func (n *node) Exec(ctx context.Context, r machine.Run, reading bool) (machine.Result, error) {
	if res, ok, err := n.answer(ctx, r, reading); ok || err != nil {
		return res, err
	}
	what := "program"
	if reading {
		what = "query"
	}
	return machine.Result{}, fmt.Errorf("simulated node %s: no fixture for the %s %q", n.name, what, r.Argv)
}

// answer is the table of fixtures.
func (n *node) answer(ctx context.Context, r machine.Run, reading bool) (res machine.Result, ok bool, err error) {
	switch {
	case reading && len(r.Argv) == len(mariadb.Reads)+1 && slices.Equal(r.Argv[:len(mariadb.Reads)], mariadb.Reads):
		statement, _ := strings.CutPrefix(r.Argv[len(mariadb.Reads)], "--execute=")
		res, ok = n.data.ask(statement)
		return res, ok, nil
	case reading && slices.Equal(r.Argv, slurm.StateReads):
		return n.nodes(ctx)
	case !reading && slices.Equal(r.Argv, []string{"mariadb", "--show-warnings", "--batch"}):
		return machine.Result{}, true, n.data.change(string(r.Stdin))
	}
	return machine.Result{}, false, nil
}

var (
	nodeNames  = regexp.MustCompile(`(?m)^NodeName=(\S+) .*`)
	nodeMemory = regexp.MustCompile(` RealMemory=(\d+)`)
)

// nodes is what a slurmctld says that has drained nobody: its slurm.conf names the nodes.
func (n *node) nodes(ctx context.Context) (machine.Result, bool, error) {
	conf, err := n.Get(ctx, nil, machine.Ref{Table: "file", Key: slurm.ConfPath}, []string{"content"})
	if err != nil {
		return machine.Result{}, false, err
	}
	var all machine.Result
	for _, line := range nodeNames.FindAllStringSubmatch(conf.Get("content").S, -1) {
		names, err := hostlist.Expand(line[1])
		memory := nodeMemory.FindStringSubmatch(line[0])
		if err != nil || memory == nil {
			return all, false, fmt.Errorf("simulated slurmctld: %q: %w", line[0], err)
		}
		res, ok := answer("nodes", "{node}", names, "{cpus}", strconv.Itoa(n.Facts().CPUs), "{memory}", memory[1])
		if !ok {
			return all, false, nil
		}
		all.Stdout += res.Stdout
	}
	return all, true, nil
}

// lock is the node's lock: many plans, or one apply.
func (n *node) lock(h wire.Holder) (release func(), held *wire.Holder, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for other := range n.holders {
		if h.Mode == wire.Apply || other.Mode == wire.Apply {
			return nil, other, nil
		}
	}
	n.holders[&h] = true
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.holders, &h)
	}, nil, nil
}
