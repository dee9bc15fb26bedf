// Package file is the module `file`: one file, or one symbolic link.
package file

import (
	"cmp"
	"context"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `file`.
var Module = modules.Module{
	Name: "file",
	Doc: "Makes one file or one symbolic link as described, or takes it away.\n\n" +
		"A file with content gets mode 0644 (0600 when the content is a secret) and belongs to root, unless mode, owner and group say otherwise. " +
		"Missing directories above it are made. Read a local file into content with file(\"path\").",
	Example: `step "file" "motd" {
  on      = "all"
  path    = "/etc/motd"
  content = "managed by muster\n"
}`,
	New: func() modules.Config { return &Config{State: stateFile} },
}

// The words of the argument state.
const (
	stateFile    = "file"
	stateEmpty   = "empty"
	statePresent = "present"
	stateLink    = "link"
	stateAbsent  = "absent"
)

// Config holds the arguments of `file`.
type Config struct {
	Path    string         `arg:"path,required" doc:"absolute path"`
	State   string         `arg:"state" doc:"file: has the content; empty: is an empty file; present: is a file, its content is left alone; link: is a symbolic link to target; absent: is not there"`
	Content string         `arg:"content" doc:"the whole content, as text"`
	Secret  modules.Secret `arg:"secret" doc:"the whole content, as a secret; instead of content"`
	Target  string         `arg:"target" doc:"where a link points"`
	Mode    string         `arg:"mode" doc:"four octal digits"`
	Owner   string         `arg:"owner" doc:"name of the owning user"`
	Group   string         `arg:"group" doc:"name of the owning group"`
}

// Validate finds arguments that do not go together.
func (c *Config) Validate() error {
	err := modules.FirstError(
		modules.CheckPath("path", c.Path),
		modules.CheckOneOf("state", c.State, stateFile, stateEmpty, statePresent, stateLink, stateAbsent),
		modules.CheckMode("mode", c.Mode),
		modules.CheckOwner("owner", c.Owner), modules.CheckOwner("group", c.Group),
	)
	if err != nil {
		return err
	}
	return c.checkContent()
}

func (c *Config) checkContent() error {
	switch hasContent := c.Content != "" || !c.Secret.IsZero(); {
	case c.Content != "" && !c.Secret.IsZero():
		return modules.BadArg("secret", "content is given as well, only one of them can be")
	case c.State == stateFile && !hasContent:
		return modules.BadArg("state", `neither content nor secret is given: write state = "present" to leave the content alone, or state = "empty"`)
	case c.State != stateFile && hasContent:
		return modules.BadArg("content", "a file with state = %q takes none", c.State)
	case (c.State == stateLink) != (c.Target != ""):
		return modules.BadArg("target", `target and state = "link" go together`)
	case c.State == stateLink && c.Mode != "":
		return modules.BadArg("mode", "a link has none")
	}
	return nil
}

// Ensure makes the file so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	if c.State == stateAbsent {
		return m.Set(ctx, modules.AbsentItem("file", c.Path))
	}
	items, err := modules.ParentItems(ctx, m, c.Path)
	if err != nil {
		return err
	}
	return m.Set(ctx, append(items, c.item())...)
}

func (c *Config) item() machine.Item {
	owner, group := cmp.Or(c.Owner, "root"), cmp.Or(c.Group, "root")
	switch {
	case c.State == statePresent:
		it := modules.FileItem(c.Path, "", c.Mode, c.Owner, c.Group)
		delete(it.Want, "content")
		return it
	case c.State == stateLink:
		return modules.LinkItem(c.Path, c.Target, c.Owner, c.Group)
	case !c.Secret.IsZero():
		return modules.SecretFileItem(c.Path, c.Secret, cmp.Or(c.Mode, "0600"), owner, group)
	}
	return modules.FileItem(c.Path, c.Content, cmp.Or(c.Mode, "0644"), owner, group)
}
