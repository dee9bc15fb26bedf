// Package munge is the module `munge`: the authentication service that SLURM's
// daemons and commands trust each other by.
package munge

import (
	"context"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/slurm"
)

// Module is the module `munge`.
var Module = modules.Module{
	Name: "munge",
	Doc: "Installs munge, gives it the cluster's key and keeps it running.\n\n" +
		"All nodes of a cluster have to have the same key. munged reads it only when it starts, so a new key restarts it. " +
		"Credentials live for 300 seconds: the clocks of the nodes have to agree better than that.",
	Example: `step "munge" "key" {
  on  = "slurm_controller, slurm_node, login?"
  key = secret.munge_key
}`,
	New: func() modules.Config { return &Config{} },
	OS:  []string{"debian", "ubuntu"},
}

// Config holds the arguments of `munge`.
type Config struct {
	Key modules.Secret `arg:"key,required" doc:"the key as it is in munge.key, 32 to 1024 bytes: a secret with generate = 128, or the file of a cluster that exists"`
}

// Paths of the packages.
const (
	dir     = "/etc/munge"
	keyPath = dir + "/munge.key"
)

// The sizes that munged takes, in bytes (MUNGE_MINIMUM_SECRET_KEY_LEN and the
// maximum of mungekey).
const (
	minKey = 32
	maxKey = 1024
)

// Validate checks the length of a key that is known.
func (c *Config) Validate() error {
	if n := len(c.Key.Bytes); !c.Key.Pending && (n < minKey || n > maxKey) {
		return modules.BadArg("key", "has %d bytes, munged takes %d to %d", n, minKey, maxKey)
	}
	return nil
}

// Ensure makes key and service so. The package brings the user that they belong
// to, and a key of its own that is replaced before munged starts.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if err := modules.EnsurePackages(ctx, m, "munge"); err != nil {
		return err
	}
	err := m.Set(ctx,
		modules.DirItem(dir, "0700", "munge", "munge"),
		modules.SecretFileItem(keyPath, c.Key, "0400", "munge", "munge"),
	)
	if err != nil {
		return err
	}
	return machine.EnsureUnit(ctx, m, machine.Unit{
		Name: slurm.MungeUnit, Running: true, Enabled: true,
		Inputs: []machine.Input{{File: keyPath}, {Package: "munge"}},
	})
}
