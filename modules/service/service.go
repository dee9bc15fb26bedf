// Package service is the module `service`: one systemd unit.
package service

import (
	"context"
	"path"
	"regexp"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `service`.
var Module = modules.Module{
	Name: "service",
	Doc: "Keeps a systemd unit running or stopped, enabled or disabled, and current.\n\n" +
		"restart_on, reload_on and packages name what the running unit was started with. When one of them is newer than that, whoever wrote it and whenever, " +
		"the unit is restarted or reloaded: once, however many differ.",
	Example: `step "service" "ssh" {
  on        = "all"
  name      = "ssh"
  reload_on = ["/etc/ssh/sshd_config"]
  packages  = ["openssh-server"]
}`,
	New: func() modules.Config { return &Config{Running: true, Enabled: true} },
}

// Config holds the arguments of `service`.
type Config struct {
	Name      string   `arg:"name,required" doc:"unit name; .service is added where it has no suffix"`
	Running   bool     `arg:"running" doc:"whether the unit runs"`
	Enabled   bool     `arg:"enabled" doc:"whether the unit starts at boot"`
	RestartOn []string `arg:"restart_on" doc:"files whose change restarts the unit"`
	ReloadOn  []string `arg:"reload_on" doc:"files whose change reloads the unit"`
	Packages  []string `arg:"packages" doc:"packages whose change restarts the unit"`
}

// namePattern: what systemd allows in unit names, less the escapes.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,254}$`)

// Validate checks names and paths.
func (c *Config) Validate() error {
	if !namePattern.MatchString(c.Name) {
		return modules.BadArg("name", "%q is not a unit name", c.Name)
	}
	seen := map[string]bool{}
	for _, list := range []struct {
		arg   string
		paths []string
	}{{"restart_on", c.RestartOn}, {"reload_on", c.ReloadOn}} {
		for _, p := range list.paths {
			if err := modules.CheckPath(list.arg, p); err != nil {
				return err
			}
			if seen[p] {
				return modules.BadArg(list.arg, "%q is named twice, in restart_on or reload_on", p)
			}
			seen[p] = true
		}
	}
	return nil
}

// Ensure makes the unit so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	u := machine.Unit{Name: c.Name, Running: c.Running, Enabled: c.Enabled}
	switch path.Ext(c.Name) {
	case ".service", ".socket", ".timer", ".mount", ".target", ".path", ".slice", ".automount":
	default:
		u.Name += ".service"
	}
	for _, p := range c.RestartOn {
		u.Inputs = append(u.Inputs, machine.Input{File: p})
	}
	for _, p := range c.ReloadOn {
		u.Inputs = append(u.Inputs, machine.Input{File: p, Reload: true})
	}
	for _, p := range c.Packages {
		u.Inputs = append(u.Inputs, machine.Input{Package: p})
	}
	return machine.EnsureUnit(ctx, m, u)
}
