package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/spf13/cobra"

	"muster/inventory"
	"muster/inventory/lang"
	"muster/modules/all"
	"muster/playbooks"
	"muster/playbooks/program"
	"muster/playbooks/run"
	"muster/transport"
)

// work is what a verb works with: an inventory and, mostly, a compiled playbook.
type work struct {
	inv     *inventory.Inventory
	secrets *inventory.Secrets
	src     *lang.Source
	prog    *program.Program
	// facts are those of earlier runs; they are read while the program is compiled.
	facts func() (map[string]inventory.HostFacts, error)
	// from says how to get the same again.
	from run.Source
}

// hosts are those that the program works on.
func (w *work) hosts() []*inventory.Host {
	out := make([]*inventory.Host, len(w.prog.Hosts))
	for i, h := range w.prog.Hosts {
		out[i] = w.inv.Host(h.Name)
	}
	return out
}

// inventoryPath is -i, or where an inventory usually is.
func (a *app) inventoryPath() (string, error) {
	if a.flags.inventory != "" {
		return a.flags.inventory, nil
	}
	if path := os.Getenv("MUSTER_INVENTORY"); path != "" {
		return path, nil
	}
	if _, err := os.Stat("inventory.hcl"); err == nil {
		return "inventory.hcl", nil
	}
	return "", usage("no inventory: give -i FILE, set MUSTER_INVENTORY, or run where inventory.hcl is")
}

// loadInventory reads the inventory, and says all that is wrong with it.
func (a *app) loadInventory() (*inventory.Inventory, error) {
	path, err := a.inventoryPath()
	if err != nil {
		return nil, err
	}
	inv, diags := inventory.Load(path, inventory.Options{Extra: a.flags.vars})
	if diags.HasErrors() {
		var files map[string]*hcl.File
		if inv != nil && inv.Source != nil {
			files = inv.Source.Files
		}
		return nil, a.diagnostics(files, diags)
	}
	return inv, nil
}

// compile reads inventory and playbook and compiles them.
func (a *app) compile(playbook string) (*work, error) {
	w := &work{}
	var err error
	if w.inv, err = a.loadInventory(); err != nil {
		return nil, err
	}
	w.facts = sync.OnceValues(w.inv.LoadFacts)
	go func() { _, _ = w.facts() }() // whoever needs them gets the error
	if w.src, err = a.findPlaybook(playbook); err != nil {
		return nil, err
	}
	if w.secrets, err = inventory.OpenSecrets(w.inv, a.flags.identity); err != nil {
		return nil, err
	}
	prog, diags := playbooks.Compile(w.inv, w.src, playbooks.Options{Vars: a.flags.vars, Limit: a.flags.limit, Modules: all.Modules(), Secrets: w.secrets})
	if err := a.warn(w, diags); err != nil {
		return nil, err
	}
	agents, err := packedAgents()
	if err == nil {
		prog.Digest, err = withAgents(prog.Digest, agents)
	}
	if err != nil {
		return nil, err
	}
	prog.Playbook, w.prog = playbook, prog
	w.from, err = a.source(w, playbook)
	return w, err
}

// withAgents adds the agents to the digest of a program: they do what it says, so a
// saved plan or a run to resume is not that of another version of muster.
func withAgents(digest string, agents transport.Agents) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, digest)
	for _, arch := range []string{"amd64", "arm64"} {
		agent, _, err := agents.Agent(arch)
		if err != nil && !errors.Is(err, transport.ErrNoAgent) {
			return "", err
		}
		fmt.Fprintln(sum, arch, agent)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// findPlaybook reads a playbook by path or by name.
func (a *app) findPlaybook(name string) (*lang.Source, error) {
	src, err := playbooks.Find(name)
	var diags hcl.Diagnostics
	if errors.As(err, &diags) {
		var files map[string]*hcl.File
		if src != nil {
			files = src.Files
		}
		return nil, a.diagnostics(files, diags)
	}
	return src, err
}

// warn shows diagnostics; with errors among them it fails.
func (a *app) warn(w *work, diags hcl.Diagnostics) error {
	if len(diags) == 0 {
		return nil
	}
	files := map[string]*hcl.File{}
	if w.inv.Source != nil {
		maps.Copy(files, w.inv.Source.Files)
	}
	maps.Copy(files, w.src.Files)
	err := a.diagnostics(files, diags)
	if !diags.HasErrors() {
		return nil
	}
	return err
}

// diagnostics prints all diagnostics and counts the errors.
func (a *app) diagnostics(files map[string]*hcl.File, diags hcl.Diagnostics) error {
	lang.WriteDiags(a.err, files, diags, isTerminal(a.err))
	n := len(diags.Errs())
	if a.json != nil {
		var b strings.Builder
		lang.WriteDiags(&b, files, diags, false)
		a.endJSON(run.ExitUsage, b.String())
	}
	if n == 1 {
		return usage("1 error in the configuration")
	}
	return usage("%d errors in the configuration", n)
}

// source says how to compile the same again: for saved plans and resume. Values
// of sensitive variables are left out, they have to be given again.
func (a *app) source(w *work, playbook string) (run.Source, error) {
	s := run.Source{Playbook: playbook, Limit: a.flags.limit, Vars: map[string]string{}}
	var err error
	if s.Inventory, err = filepath.Abs(w.inv.Path); err != nil {
		return s, err
	}
	if _, err := os.Stat(playbook); err == nil {
		if s.Playbook, err = filepath.Abs(playbook); err != nil {
			return s, err
		}
	}
	for k, v := range a.flags.vars {
		if !sensitive(w.src, k) {
			s.Vars[k] = v
		}
	}
	return s, nil
}

// again sets the flags to what a saved source says, so that compile does the
// same. Variables given now are added: those that are kept in no file.
func (a *app) again(s run.Source) {
	a.flags.inventory, a.flags.limit = s.Inventory, s.Limit
	vars := map[string]string{}
	maps.Copy(vars, s.Vars)
	maps.Copy(vars, a.flags.vars)
	a.flags.vars = vars
}

// asSaved refuses what a saved source has settled: a -l that is ignored would
// reach more hosts than was meant.
func (a *app) asSaved(cmd *cobra.Command, what string, s run.Source) error {
	if f := cmd.Flags().Lookup("limit"); f.Changed && a.flags.limit != s.Limit {
		of := "all hosts"
		if s.Limit != "" {
			of = "-l " + s.Limit
		}
		return usage("-l %s: %s is for %s, and only for that", a.flags.limit, what, of)
	}
	return nil
}

// sensitive says whether a playbook declares a variable as sensitive.
func sensitive(src *lang.Source, name string) bool {
	for _, b := range src.Blocks() {
		if b.Type != "variable" || len(b.Labels) != 1 || b.Labels[0] != name {
			continue
		}
		attr := b.Body.Attributes["sensitive"]
		return attr != nil && !isFalse(attr)
	}
	return false
}

func isFalse(attr *hclsyntax.Attribute) bool {
	v, diags := lang.Eval(attr.Expr, nil)
	return !diags.HasErrors() && v.IsKnown() && !v.IsNull() && v.Type().FriendlyName() == "bool" && v.False()
}

// commandLine is the command line as events show it: without the values of -e.
func (a *app) commandLine() string {
	out := []string{"muster"}
	for _, arg := range a.args {
		for _, kv := range a.flags.extra { // -e k=v, -ek=v, -ve k=v, --extra-vars=k=v
			if flag, ok := strings.CutSuffix(arg, kv); ok && (flag == "" || flag[0] == '-') {
				arg = flag + hideValue(kv)
				break
			}
		}
		out = append(out, arg)
	}
	return strings.Join(out, " ")
}

func hideValue(kv string) string {
	k, _, _ := strings.Cut(kv, "=")
	return fmt.Sprintf("%s=...", k)
}
