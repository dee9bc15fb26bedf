package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"muster/inventory/lang"
	"muster/playbooks/library"
)

// sampleInventory is what init writes beside a playbook.
const sampleInventory = `# The hosts of one cluster. See: muster docs, muster inventory list

cluster "example" {
  domain = "example.com"
}

connection {
  user   = "admin"
  become = true
}

hosts "node[01-03]" {
  address = "10.0.0.[11-13]"
  groups  = [%s]
}
`

func (a *app) initVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "init PLAYBOOK [FOLDER]",
		Short: "Copy a playbook that muster ships, and a sample inventory, to start from",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := library.Read(args[0])
			if err != nil {
				return usage("there is no playbook %q; muster ships: %s.%s", args[0], strings.Join(library.Names(), ", "),
					lang.DidYouMean(args[0], library.Names()))
			}
			dir := "."
			if len(args) == 2 {
				dir = args[1]
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			if err := a.create(filepath.Join(dir, args[0]+".hcl"), text); err != nil {
				return err
			}
			groups := requiredGroups(args[0], text)
			return a.create(filepath.Join(dir, "inventory.hcl"), fmt.Appendf(nil, sampleInventory, groups))
		},
	}
}

// create writes a new file; one that exists is left as it is.
func (a *app) create(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return usage("%s exists: nothing was written over it", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintln(a.out, path)
	return nil
}

// requiredGroups are the groups that a playbook asks for, as a list in HCL.
func requiredGroups(name string, text []byte) string {
	src, diags := lang.ParseBytes(name, text)
	if diags.HasErrors() {
		return ""
	}
	var out []string
	for _, b := range src.Blocks() {
		group := b.Body.Attributes["group"]
		if b.Type != "requires" || group == nil {
			continue
		}
		if v, diags := lang.Eval(group.Expr, nil); !diags.HasErrors() && v.IsKnown() {
			out = append(out, fmt.Sprintf("%q", v.AsString()))
		}
	}
	return strings.Join(out, ", ")
}
