// Package slurmnode is the module `slurm_node`: slurmd on a compute node.
package slurmnode

import (
	"context"
	"strings"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/slurm"
)

// Module is the module `slurm_node`.
var Module = modules.Module{
	Name: "slurm_node",
	Doc: "Installs slurmd and SLURM's commands on a compute node and keeps slurmd running.\n\n" +
		"By default the node has no configuration files: slurmd fetches them from the controllers when it starts and whenever they change, so that no " +
		"node can have old ones. With config = \"files\" the node gets copies; the arguments have to be those of the step `slurm_controller` then. " +
		"Running jobs survive a restart of slurmd.",
	Example: `step "slurm_node" "compute" {
  on           = "slurm_node"
  name         = host.name
  cluster_name = "lab"
  controllers  = hosts("slurm_controller")
}`,
	New: func() modules.Config { return &Config{Config: "configless", Cluster: slurm.Defaults()} },
	OS:  []string{"debian", "ubuntu"},
}

// Config holds the arguments of `slurm_node`.
type Config struct {
	Name   string `arg:"name" doc:"the node's name in the inventory, host.name: a node that calls itself otherwise is refused"`
	Config string `arg:"config" doc:"configless (slurmd fetches the files from the controllers) or files"`
	slurm.Cluster
}

const optionsPath = "/etc/default/slurmd"

// Validate checks the description of the cluster; copies of the files need all
// of it.
func (c *Config) Validate() error {
	if c.Config == "files" && len(c.Nodes) == 0 {
		return modules.BadArg("nodes", "config = \"files\" needs the nodes, as in slurm_controller")
	}
	return modules.FirstError(modules.CheckOneOf("config", c.Config, "configless", "files"), c.Check())
}

// Ensure makes slurmd and its configuration so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if err := modules.EnsurePackages(ctx, m, "slurmd", "slurm-client"); err != nil {
		return err
	}
	own := c.Name
	if c.Name != "" {
		var err error
		if own, err = slurm.CheckName(ctx, m, slurm.NodeUnit, slurm.Short(c.Name)); err != nil {
			return err
		}
	}
	unit := machine.Unit{
		Name: slurm.NodeUnit, Running: true, Enabled: true, Reexec: true,
		Inputs: []machine.Input{{Package: "slurmd"}, {File: optionsPath}, {Value: slurm.RestartInput, Text: c.Restart()}},
	}
	items := []machine.Item{modules.FileItem(optionsPath, c.daemonOptions(), "0644", "root", "root")}
	switch {
	case c.Config == "files":
		files, err := c.Render()
		if err != nil {
			return &machine.Error{Object: "file[" + slurm.ConfPath + "]", Op: "render", Err: err}
		}
		for _, it := range files.Items() {
			items = append(items, it)
			unit.Inputs = append(unit.Inputs, machine.Input{File: it.Ref.Key, Reload: true})
		}
	case !c.IsController(own):
		// Commands would prefer files that are here to those which slurmd fetched.
		for _, file := range []string{slurm.ConfPath, slurm.GresPath, slurm.CgroupPath} {
			items = append(items, modules.AbsentItem("file", file))
		}
	}
	if err := m.Set(ctx, items...); err != nil {
		return err
	}
	return machine.EnsureUnit(ctx, m, unit)
}

// daemonOptions is the environment file of slurmd.service.
func (c *Config) daemonOptions() string {
	var b strings.Builder
	b.WriteString("# Written by muster.\nSLURMD_OPTIONS=\"")
	if c.Config == "configless" {
		b.WriteString("--conf-server " + c.ConfServers())
	}
	b.WriteString("\"\n")
	return b.String()
}
