// Package slurmclient is the module `slurm_client`: SLURM's commands on a login
// node.
package slurmclient

import (
	"context"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/slurm"
)

// Module is the module `slurm_client`.
var Module = modules.Module{
	Name: "slurm_client",
	Doc: "Installs SLURM's commands on a login node, with a copy of slurm.conf.\n\n" +
		"No daemon runs there that could fetch the file. The arguments have to be those of the step `slurm_controller`. " +
		"Compute nodes and controllers have the commands already and must not have this step.",
	Example: `step "slurm_client" "login" {
  on           = "login?"
  cluster_name = "lab"
  controllers  = hosts("slurm_controller")
  nodes        = hosts("slurm_node")
}`,
	New: func() modules.Config { return &Config{Cluster: slurm.Defaults()} },
	OS:  []string{"debian", "ubuntu"},
}

// Config holds the arguments of `slurm_client`.
type Config struct {
	slurm.Cluster
}

// Validate checks the description of the cluster.
func (c *Config) Validate() error {
	if len(c.Nodes) == 0 {
		return modules.BadArg("nodes", "a cluster has nodes: write nodes = hosts(\"slurm_node\")")
	}
	return c.Check()
}

// Ensure makes commands and file so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if err := modules.EnsurePackages(ctx, m, "slurm-client"); err != nil {
		return err
	}
	files, err := c.Render()
	if err != nil {
		return &machine.Error{Object: "file[" + slurm.ConfPath + "]", Op: "render", Err: err}
	}
	parents, err := modules.ParentItems(ctx, m, slurm.ConfPath)
	if err != nil {
		return err
	}
	return m.Set(ctx, append(parents,
		modules.FileItem(slurm.PlugstackPath, files.Plugstack, "0644", "root", "root"),
		modules.FileItem(slurm.ConfPath, files.Slurm, "0644", "root", "root"))...)
}
