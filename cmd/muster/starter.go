package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"muster/inventory/lang"
	"muster/playbooks/library"
)

// sampleInventory is what init writes beside a playbook: before its hosts.
const sampleInventory = `# The hosts of one cluster. Look at it with: muster inventory list

cluster "example" {
  domain = "example.com"
}

connection {
  user   = "admin"
  become = true
}
`

const sampleHead = `
host "mgmt01" {
  address = "10.0.0.1"
  groups  = [%q]
}
`

const sampleHosts = `
hosts "node[01-03]" {
  address = "10.0.0.[11-13]"
  groups  = [%s]
}
`

const sampleSecret = `
secret %q {
  generate = 32 # bytes, made at the first apply; or env = "VARIABLE", or file = "PATH"
  encoding = "hex"
}
`

func (a *app) initVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "init PLAYBOOK [FOLDER]",
		Short: "Copy a playbook that muster ships, and a sample inventory, to start from",
		Args:  arguments(1, 2),
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
			if _, err := os.Stat(filepath.Join(dir, "inventory.hcl")); err == nil {
				return nil // it has one
			}
			return a.create(filepath.Join(dir, "inventory.hcl"), sample(args[0], text))
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

// sample is an inventory that fits a playbook: a host for the first group that it
// requires, three for the others, and its secrets.
func sample(name string, text []byte) []byte {
	groups, secrets := needs(name, text)
	out := []byte(sampleInventory)
	if len(groups) > 1 {
		out = fmt.Appendf(out, sampleHead, groups[0])
		groups = groups[1:]
	}
	for i, g := range groups {
		groups[i] = fmt.Sprintf("%q", g)
	}
	out = fmt.Appendf(out, sampleHosts, strings.Join(groups, ", "))
	for _, s := range secrets {
		out = fmt.Appendf(out, sampleSecret, s)
	}
	return out
}

// needs are the groups that a playbook requires and the secrets that it names.
func needs(name string, text []byte) (groups, secrets []string) {
	src, diags := lang.ParseBytes(name, text)
	if diags.HasErrors() {
		return nil, nil
	}
	for _, b := range src.Blocks() {
		if group := b.Body.Attributes["group"]; b.Type == "requires" && group != nil {
			if v, diags := lang.Eval(group.Expr, nil); !diags.HasErrors() && v.IsKnown() {
				groups = append(groups, v.AsString())
			}
		}
		for _, a := range lang.Attributes(b.Body) {
			for _, tr := range a.Expr.Variables() {
				if attr, ok := tr[len(tr)-1].(hcl.TraverseAttr); ok && tr.RootName() == "secret" && !slices.Contains(secrets, attr.Name) {
					secrets = append(secrets, attr.Name)
				}
			}
		}
	}
	return groups, secrets
}
