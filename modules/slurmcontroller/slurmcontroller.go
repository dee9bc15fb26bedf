// Package slurmcontroller is the module `slurm_controller`: slurmctld and the
// cluster's configuration files.
package slurmcontroller

import (
	"context"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/slurm"
)

// Module is the module `slurm_controller`.
var Module = modules.Module{
	Name: "slurm_controller",
	Doc: "Installs slurmctld, writes slurm.conf, gres.conf, cgroup.conf and plugstack.conf, and keeps it running.\n\n" +
		"slurm.conf is made from the inventory and the nodes' facts; its bytes depend on nothing else. Most changes are taken over by a reload " +
		"(`scontrol reconfigure`), which starts slurmctld and every slurmd anew in place and keeps jobs; a change of names, ports, authentication, state " +
		"folder or accounting host restarts. Compute nodes fetch the files from here. Nodes that slurmctld had drained because an earlier slurm.conf promised too " +
		"much of them are resumed.",
	Example: `step "slurm_controller" "main" {
  on           = "slurm_controller"
  cluster_name = "lab"
  controllers  = hosts("slurm_controller")
  nodes        = hosts("slurm_node")

  partition "batch" {
    default  = true
    max_time = "1-00:00:00"
  }
}`,
	New:    func() modules.Config { return &Config{Cluster: slurm.Defaults()} },
	Tables: []machine.Table{slurm.StateTable{}},
	Reads:  [][]string{slurm.StateReads},
	OS:     []string{"debian", "ubuntu"},
}

// Config holds the arguments of `slurm_controller`.
type Config struct {
	slurm.Cluster
}

const dropInPath = "/etc/systemd/system/slurmctld.service.d/muster.conf"

// Validate checks the description of the cluster.
func (c *Config) Validate() error {
	if len(c.Nodes) == 0 {
		return modules.BadArg("nodes", "a cluster has nodes: write nodes = hosts(\"slurm_node\")")
	}
	return c.Check()
}

// Ensure makes files, daemon and node states so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if err := modules.EnsurePackages(ctx, m, "slurmctld", "slurm-client"); err != nil {
		return err
	}
	if _, err := slurm.CheckName(ctx, m, slurm.ControllerUnit, c.ControllerNames()...); err != nil {
		return err
	}
	files, err := c.Render()
	if err != nil {
		return &machine.Error{Object: "file[" + slurm.ConfPath + "]", Op: "render", Err: err}
	}
	items, err := slurm.DropIn(ctx, m, dropInPath, "slurmdbd.service")
	if err != nil {
		return err
	}
	state, err := c.stateDir(ctx, m)
	if err != nil {
		return err
	}
	if err := m.Set(ctx, append(append(items, state...), files.Items()...)...); err != nil {
		return err
	}
	return c.serve(ctx, m)
}

// stateDir is the state folder where it is not the package's own.
func (c *Config) stateDir(ctx context.Context, m machine.Machine) ([]machine.Item, error) {
	dir := c.StateSaveLocation()
	if dir == slurm.StateDir {
		return nil, nil
	}
	items, err := modules.ParentItems(ctx, m, dir)
	return append(items, modules.DirItem(dir, "0755", "slurm", "slurm")), err
}

// serve brings the daemon up to date. The states of the nodes are read before, as
// long as the controller can still be asked, and compared with the files that
// have just been set.
func (c *Config) serve(ctx context.Context, m machine.Machine) error {
	states := machine.Ref{Table: slurm.StateTableName, Key: c.ClusterName}
	if _, err := m.Read(ctx, states, "drained"); err != nil {
		return err
	}
	err := machine.EnsureUnit(ctx, m, machine.Unit{
		Name: slurm.ControllerUnit, Running: true, Enabled: true,
		Reload: []string{"scontrol", "reconfigure"}, Ready: []string{"scontrol", "ping"}, Reexec: true,
		Inputs: []machine.Input{
			{Package: "slurmctld"},
			{File: slurm.ConfPath, Keys: slurm.RestartKeys()},
			{File: slurm.ConfPath, Reload: true}, {File: slurm.GresPath, Reload: true},
			{File: slurm.CgroupPath, Reload: true}, {File: slurm.PlugstackPath, Reload: true},
		},
	})
	if err != nil {
		return err
	}
	return m.Set(ctx, machine.Item{Ref: states, Want: machine.State{"drained": machine.Text("")}})
}
