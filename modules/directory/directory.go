// Package directory is the module `directory`.
package directory

import (
	"context"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `directory`.
var Module = modules.Module{
	Name: "directory",
	Doc: "Makes a directory with mode, owner and group, or takes an empty one away.\n\n" +
		"Missing directories above it are made as well, with mode 0755 and root as owner.",
	Example: `step "directory" "scratch" {
  on   = "all"
  path = "/scratch"
  mode = "1777"
}`,
	New: func() modules.Config {
		return &Config{State: "directory", Mode: "0755", Owner: "root", Group: "root"}
	},
}

// Config holds the arguments of `directory`.
type Config struct {
	Path  string `arg:"path,required" doc:"absolute path"`
	State string `arg:"state" doc:"directory, or absent"`
	Mode  string `arg:"mode" doc:"four octal digits"`
	Owner string `arg:"owner" doc:"name of the owning user"`
	Group string `arg:"group" doc:"name of the owning group"`
}

// Validate checks the words and forms of the arguments.
func (c *Config) Validate() error {
	if c.Path == "/" {
		return modules.BadArg("path", "the root directory is not muster's to change")
	}
	return modules.FirstError(
		modules.CheckPath("path", c.Path),
		modules.CheckOneOf("state", c.State, "directory", "absent"),
		modules.CheckMode("mode", c.Mode),
		modules.CheckOwner("owner", c.Owner), modules.CheckOwner("group", c.Group),
	)
}

// Ensure makes the directory so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if c.State == "absent" {
		return m.Set(ctx, modules.AbsentItem("file", c.Path))
	}
	items, err := modules.ParentItems(ctx, m, c.Path)
	if err != nil {
		return err
	}
	return m.Set(ctx, append(items, modules.DirItem(c.Path, c.Mode, c.Owner, c.Group))...)
}
