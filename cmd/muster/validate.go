package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"muster/inventory"
	"muster/modules/all"
	"muster/playbooks"
)

func (a *app) validateVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [PLAYBOOK]",
		Short: "Check inventory and playbook; nothing is connected to",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				inv, err := a.loadInventory()
				if err == nil {
					a.tell("The inventory is valid: %d hosts, %d groups.", len(inv.Hosts), len(inv.Groups))
				}
				return err
			}
			return a.validate(args[0])
		},
	}
}

// tell says that all is well, where stdout is not a stream of events.
func (a *app) tell(format string, v ...any) {
	if a.json == nil {
		fmt.Fprintf(a.out, format+"\n", v...)
	}
}

// validate checks a playbook, against an inventory where there is one.
func (a *app) validate(playbook string) error {
	w := &work{inv: &inventory.Inventory{}}
	var err error
	if w.src, err = a.findPlaybook(playbook); err != nil {
		return err
	}
	o := playbooks.Options{Vars: a.flags.vars, Limit: a.flags.limit, Modules: all.Modules()}
	if _, err := a.inventoryPath(); err != nil {
		diags := playbooks.Validate(nil, w.src, o)
		if err := a.warn(w, diags); err != nil {
			return err
		}
		a.tell("The playbook is valid. Without an inventory, what depends on hosts was not checked.")
		return nil
	}
	if w.inv, err = a.loadInventory(); err != nil {
		return err
	}
	if o.Secrets, err = inventory.OpenSecrets(w.inv, a.flags.identity); err != nil {
		return err
	}
	if err := a.warn(w, playbooks.Validate(w.inv, w.src, o)); err != nil {
		return err
	}
	a.tell("Inventory and playbook are valid.")
	return nil
}
