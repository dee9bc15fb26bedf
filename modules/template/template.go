// Package template is the module `template`: a file rendered from a template.
package template

import (
	"cmp"
	"context"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `template`.
var Module = modules.Module{
	Name: "template",
	Doc: "Renders a file from a template in the syntax of Go's text/template.\n\n" +
		"vars are the template's dot: {{ .port }}. A name that vars do not hold is an error. Beside the built-in functions there are split, trim, lower and upper; " +
		"range goes over the dot or over a split. With secret given, {{ .secret }} is its value and the whole content counts as secret. Missing directories above the file are made.",
	Example: `step "template" "chrony" {
  on       = "all"
  path     = "/etc/chrony/sources.d/site.sources"
  template = "{{ range split .servers \",\" }}server {{ . }} iburst\n{{ end }}"
  vars     = { servers = "10.0.0.1,10.0.0.2" }
}`,
	New: func() modules.Config { return &Config{Owner: "root", Group: "root"} },
}

// Config holds the arguments of `template`.
type Config struct {
	Path     string            `arg:"path,required" doc:"absolute path"`
	Template string            `arg:"template,required" doc:"the template itself; file(\"path\") reads one"`
	Vars     map[string]string `arg:"vars" doc:"values for the template"`
	Secret   modules.Secret    `arg:"secret" doc:"a secret value for the template"`
	Mode     string            `arg:"mode" doc:"four octal digits; 0644 when it is not given, 0600 with a secret"`
	Owner    string            `arg:"owner" doc:"name of the owning user"`
	Group    string            `arg:"group" doc:"name of the owning group"`
}

// Validate renders once, so that a mistake in the template is found before
// anything connects.
func (c *Config) Validate() error {
	err := modules.FirstError(
		modules.CheckPath("path", c.Path),
		modules.CheckMode("mode", c.Mode),
		modules.CheckOwner("owner", c.Owner), modules.CheckOwner("group", c.Group),
	)
	if err != nil {
		return err
	}
	if _, taken := c.Vars["secret"]; taken && !c.Secret.IsZero() {
		return modules.BadArg("vars", `"secret" is the name of the argument secret`)
	}
	if _, err := c.render(); err != nil {
		return modules.BadArg("template", "%v", err)
	}
	return nil
}

// Ensure makes the file so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	text, err := c.render()
	if err != nil {
		return err
	}
	items, err := modules.ParentItems(ctx, m, c.Path)
	if err != nil {
		return err
	}
	if c.Secret.IsZero() {
		it := modules.FileItem(c.Path, text, cmp.Or(c.Mode, "0644"), c.Owner, c.Group)
		return m.Set(ctx, append(items, it)...)
	}
	whole := modules.Secret{Bytes: []byte(text), Pending: c.Secret.Pending}
	return m.Set(ctx, append(items, modules.SecretFileItem(c.Path, whole, cmp.Or(c.Mode, "0600"), c.Owner, c.Group))...)
}
