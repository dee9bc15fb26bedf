// Package line is the module `line`: one line of a text file.
package line

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `line`.
var Module = modules.Module{
	Name: "line",
	Doc: "Keeps one line in a text file, or out of it, and leaves the other lines alone.\n\n" +
		"With match, the last line that matches is replaced. A line that is not there is put behind the last line that matches insert_after, or at the end. " +
		"The file has to exist, unless create is true. A file that a package brings exists only once that package is installed: write the whole file with `file` or `template` then.",
	Example: `step "line" "swappiness" {
  on    = "all"
  path  = "/etc/sysctl.conf"
  line  = "vm.swappiness = 1"
  match = "^\\s*vm\\.swappiness\\s*="
}`,
	New: func() modules.Config { return &Config{State: "present"} },
}

// Config holds the arguments of `line`.
type Config struct {
	Path   string `arg:"path,required" doc:"absolute path of the file"`
	Line   string `arg:"line" doc:"the line, without its end"`
	Match  string `arg:"match" doc:"RE2 regular expression for the line that this one replaces, or for the lines that go when state is absent"`
	After  string `arg:"insert_after" doc:"RE2 regular expression for the line behind which a new one is put"`
	State  string `arg:"state" doc:"present, or absent"`
	Create bool   `arg:"create" doc:"make the file when it is missing"`
}

// Validate checks the expressions and what goes together.
func (c *Config) Validate() error {
	for arg, expr := range map[string]string{"match": c.Match, "insert_after": c.After} {
		if _, err := regexp.Compile(expr); err != nil {
			return modules.BadArg(arg, "%v", err)
		}
	}
	switch {
	case strings.ContainsAny(c.Line, "\r\n\x00"):
		return modules.BadArg("line", "holds a line break or a NUL")
	case c.State == "present" && c.Line == "":
		return modules.BadArg("line", `state = "present" needs it`)
	case c.State == "absent" && c.Line == "" && c.Match == "":
		return modules.BadArg("match", "give the line, or an expression that matches it")
	case c.State == "absent" && c.After != "":
		return modules.BadArg("insert_after", `state = "absent" has no use for it`)
	}
	return modules.FirstError(
		modules.CheckPath("path", c.Path),
		modules.CheckOneOf("state", c.State, "present", "absent"),
	)
}

// errNoFile is the cause when there is no file to hold the line.
var errNoFile = errors.New("no such file")

// Ensure keeps the line in the file, or out of it.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	s, err := modules.ReadText(ctx, m, c.Path)
	if err != nil {
		return err
	}
	if s == nil {
		return c.ensureMissing(ctx, m)
	}
	want := s.Get("content")
	if !want.Unknown {
		want.S = c.edit(want.S)
	}
	return m.Set(ctx, machine.Item{
		Ref:  machine.Ref{Table: "file", Key: c.Path},
		Want: machine.State{"type": machine.Text("file"), "content": want},
	})
}

func (c *Config) ensureMissing(ctx context.Context, m machine.Machine) error {
	if c.State == "absent" {
		return nil
	}
	if !c.Create {
		return &machine.Error{
			Object: "file[" + c.Path + "]", Op: "line", Err: errNoFile,
			Hint: "write create = true, or the whole file with the module file; a package's file exists only after the package is installed",
		}
	}
	items, err := modules.ParentItems(ctx, m, c.Path)
	if err != nil {
		return err
	}
	return m.Set(ctx, append(items, modules.FileItem(c.Path, c.edit(""), "0644", "root", "root"))...)
}
