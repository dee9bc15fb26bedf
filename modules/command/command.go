// Package command is the module `command`: a program that no other module knows.
package command

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `command`.
var Module = modules.Module{
	Name: "command",
	Doc: "Runs a program, without a shell, where it has not done its work yet.\n\n" +
		"Say how that is seen: creates names a file that is there afterwards, unless is a program that only reads and exits with 0 once there is nothing to do " +
		"(it also runs in a plan, and has to exist then: ask for what may be missing through a shell; nothing in a plan reaches systemd, so units are kept by the module service). With always = true the program runs in every apply; such steps are counted apart and are not expected to converge.\n\n" +
		"For a shell, write argv = [\"sh\", \"-c\", \"...\"]. Secrets do not belong into argv or env: every user of the node can read them there.",
	Example: `step "command" "swap" {
  on     = "all"
  argv   = ["mkswap", "/swapfile"]
  unless = ["sh", "-c", "blkid -p /swapfile | grep -q swap"]
}`,
	New:    func() modules.Config { return &Config{} },
	Tables: []machine.Table{table{}},
	// What unless names is the playbook's choice.
	Reads: [][]string{{}},
}

// Config holds the arguments of `command`.
type Config struct {
	Argv    []string          `arg:"argv,required" doc:"the program and its arguments"`
	Creates string            `arg:"creates" doc:"path that the program makes; it does not run where that exists"`
	Unless  []string          `arg:"unless" doc:"program that only reads; exit status 0 says that there is nothing to do"`
	Always  bool              `arg:"always" doc:"run in every apply"`
	Chdir   string            `arg:"chdir" doc:"directory to run in"`
	Env     map[string]string `arg:"env" doc:"further environment variables"`
}

// Validate wants exactly one way to see whether the program has to run.
func (c *Config) Validate() error {
	ways := 0
	for _, given := range []bool{c.Creates != "", len(c.Unless) > 0, c.Always} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return modules.BadArg("argv", "nothing says when the program has done its work: give creates, unless, or always = true")
	case ways > 1:
		return modules.BadArg("argv", "give one of creates, unless and always")
	}
	for arg, argv := range map[string][]string{"argv": c.Argv, "unless": c.Unless} {
		if err := checkArgv(arg, argv); err != nil {
			return err
		}
	}
	if name := asksSystemd(c.Unless); name != "" {
		return modules.BadArg("unless", "%s asks systemd, which no program of a plan can reach: let a service step keep the unit, or look for a file", name)
	}
	for k, v := range c.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(v, "\x00") {
			return modules.BadArg("env", "%q cannot be an environment variable", k)
		}
	}
	for arg, p := range map[string]string{"creates": c.Creates, "chdir": c.Chdir} {
		if p == "" {
			continue
		}
		if err := modules.CheckPath(arg, p); err != nil {
			return err
		}
	}
	return nil
}

func checkArgv(arg string, argv []string) error {
	if arg == "unless" && len(argv) == 0 {
		return nil
	}
	if len(argv) == 0 || argv[0] == "" {
		return modules.BadArg(arg, "names no program")
	}
	if strings.Contains(argv[0], "=") {
		return modules.BadArg(arg, "%q cannot be the name of a program", argv[0])
	}
	if strings.Contains(argv[0], "/") && !path.IsAbs(argv[0]) {
		return modules.BadArg(arg, "%q is neither a name nor an absolute path", argv[0])
	}
	for _, a := range argv {
		if strings.Contains(a, "\x00") {
			return modules.BadArg(arg, "holds a NUL")
		}
	}
	return nil
}

// Ensure runs the program where it has to.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	key := strings.Join(c.Argv, " ")
	if c.Always {
		r := c.program().run()
		r.Name, r.Opaque = key, true
		_, err := m.Run(ctx, r)
		return named(key, err)
	}
	done := "creates " + c.Creates
	if c.Creates == "" {
		done = "unless " + encode(c.Unless)
	}
	return m.Set(ctx, machine.Item{
		Ref: machine.Ref{Table: table{}.Name(), Key: key},
		Want: machine.State{
			done:                         machine.Bool(true),
			"run " + encode(c.program()): machine.Bool(true),
		},
	})
}

// program is what the table's Write needs to know.
type program struct {
	Argv  []string `json:"argv"`
	Chdir string   `json:"chdir,omitempty"`
	Env   []string `json:"env,omitempty"`
}

func (c *Config) program() program {
	p := program{Argv: c.Argv, Chdir: c.Chdir}
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		p.Env = append(p.Env, k+"="+c.Env[k])
	}
	return p
}

// run is Long, so that a program in the middle of its work outlives a lost
// connection.
func (p program) run() machine.Run {
	argv := p.Argv
	if p.Chdir != "" {
		argv = append([]string{"env", "--chdir=" + p.Chdir}, argv...)
	}
	return machine.Run{Argv: argv, Env: p.Env, Long: true}
}
