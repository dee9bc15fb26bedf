// Package packages is the module `package`: software from the node's package
// sources.
package packages

import (
	"context"
	"regexp"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `package`.
var Module = modules.Module{
	Name: "package",
	Doc: "Installs packages from the node's package sources, or removes them.\n\n" +
		"What is installed stays at its version, unless version names another. New packages come at the version that the plan showed, all in one transaction, " +
		"and no daemon in them is started: a `service` step does that once its files are in place.",
	Example: `step "package" "tools" {
  on    = "all"
  names = ["htop", "tmux"]
}`,
	New: func() modules.Config { return &Config{State: "present"} },
}

// Config holds the arguments of `package`.
type Config struct {
	Names   []string `arg:"names,required" doc:"package names"`
	State   string   `arg:"state" doc:"present, or absent"`
	Version string   `arg:"version" doc:"exact version, for a single name; up- or downgrades an installed one"`
}

// namePattern covers Debian (with :architecture) and RPM names.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._-]*(:[a-z0-9]+)?$`)

// versionPattern: the characters of Debian and RPM versions.
var versionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~:^_-]*$`)

// Validate checks names and version.
func (c *Config) Validate() error {
	if len(c.Names) == 0 {
		return modules.BadArg("names", "is empty")
	}
	seen := map[string]bool{}
	for _, n := range c.Names {
		if !namePattern.MatchString(n) {
			return modules.BadArg("names", "%q is not a package name", n)
		}
		if seen[n] {
			return modules.BadArg("names", "%q stands there twice", n)
		}
		seen[n] = true
	}
	switch {
	case c.Version == "":
	case !versionPattern.MatchString(c.Version):
		return modules.BadArg("version", "%q is not a version", c.Version)
	case len(c.Names) != 1:
		return modules.BadArg("version", "%d names are given, a version goes with one", len(c.Names))
	case c.State == "absent":
		return modules.BadArg("version", `state = "absent" has no use for it`)
	}
	return modules.CheckOneOf("state", c.State, "present", "absent")
}

// Ensure installs or removes what differs, in one Set.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if c.State == "absent" {
		var items []machine.Item
		for _, n := range c.Names {
			items = append(items, modules.AbsentItem("package", n))
		}
		return m.Set(ctx, items...)
	}
	if c.Version != "" {
		return m.Set(ctx, machine.Item{
			Ref:  machine.Ref{Table: "package", Key: c.Names[0]},
			Want: machine.State{"version": machine.Text(c.Version)},
		})
	}
	return modules.EnsurePackages(ctx, m, c.Names...)
}
