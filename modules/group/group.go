// Package group is the module `group`.
package group

import (
	"context"
	"strconv"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `group`.
var Module = modules.Module{
	Name: "group",
	Doc: "Keeps a group of the node's /etc/group, with the given gid where one is given.\n\n" +
		"A group whose number has to be the same on all nodes belongs before the packages that would make it with a number of their own.",
	Example: `step "group" "hpc" {
  on   = "all"
  name = "hpc"
  gid  = 2000
}`,
	New: func() modules.Config { return &Config{State: "present"} },
}

// Config holds the arguments of `group`.
type Config struct {
	Name   string `arg:"name,required" doc:"group name"`
	GID    int    `arg:"gid" doc:"its number; the next free one when it is not given"`
	System bool   `arg:"system" doc:"take the number of a new group from the range for system groups"`
	State  string `arg:"state" doc:"present, or absent"`
}

// maxID is the highest number below the values that the kernel reserves for
// "no such id" ((gid_t) -1) and its signed cousin.
const maxID = 1<<31 - 2

// Validate checks name and number.
func (c *Config) Validate() error {
	if c.GID < 0 || c.GID > maxID {
		return modules.BadArg("gid", "%d is not between 1 and %d", c.GID, maxID)
	}
	return modules.FirstError(
		modules.CheckName("name", c.Name),
		modules.CheckOneOf("state", c.State, "present", "absent"),
	)
}

// Ensure makes the group so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if c.State == "absent" {
		return m.Set(ctx, modules.AbsentItem("group", c.Name))
	}
	it := machine.Item{Ref: machine.Ref{Table: "group", Key: c.Name}, Want: machine.State{}}
	if c.GID > 0 {
		it.Want["gid"] = machine.Text(strconv.Itoa(c.GID))
	}
	if c.System {
		it.How = map[string]string{machine.HowSystem: "true"}
	}
	return m.Set(ctx, it)
}
