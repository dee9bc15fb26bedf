// Package hostname is the module `hostname`.
package hostname

import (
	"context"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `hostname`.
var Module = modules.Module{
	Name: "hostname",
	Doc: "Sets the static host name, now and for the next boot.\n\n" +
		"SLURM, munge and Kubernetes know a node by it, so it is best the name that the inventory gives.",
	Example: `step "hostname" "name" {
  on   = "all"
  name = host.name
}`,
	New: func() modules.Config { return &Config{} },
}

// Config holds the arguments of `hostname`.
type Config struct {
	Name string `arg:"name,required" doc:"the host name"`
}

// Validate checks the name.
func (c *Config) Validate() error { return modules.CheckHostName("name", c.Name) }

// Ensure makes the host name so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	return m.Set(ctx, machine.Item{
		Ref:  machine.Ref{Table: "hostname"},
		Want: machine.State{"name": machine.Text(c.Name)},
	})
}
