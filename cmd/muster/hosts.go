package main

import (
	"github.com/spf13/cobra"

	"muster/inventory"
)

func (a *app) inventoryVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Show the inventory: final values, and where each comes from",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args:  subverb,
	}
	one := func(use, short string, n int, f func(*inventory.Inventory, []string) error) {
		cmd.AddCommand(&cobra.Command{Use: use, Short: short, Args: arguments(n, n), RunE: func(_ *cobra.Command, args []string) error {
			inv, err := a.loadInventory()
			if err != nil {
				return err
			}
			a.noEvents()
			return f(inv, args)
		}})
	}
	one("list", "List the hosts", 0, func(inv *inventory.Inventory, _ []string) error { return inv.WriteList(a.out, a.flags.json) })
	one("show HOST", "Show a host's values, and the file and line each comes from", 1, func(inv *inventory.Inventory, args []string) error {
		return inv.WriteShow(a.out, args[0], a.flags.json)
	})
	one("graph", "Show groups and hosts as a tree", 0, func(inv *inventory.Inventory, _ []string) error { return inv.WriteGraph(a.out) })
	return cmd
}

// selected are the hosts of -l, or all.
func (a *app) selected(inv *inventory.Inventory) ([]*inventory.Host, error) {
	pattern := a.flags.limit
	if pattern == "" {
		pattern = "all"
	}
	hosts, err := inv.Match(pattern)
	if err == nil && len(hosts) == 0 {
		err = usage("-l %s selects no host", pattern)
	}
	return hosts, err
}
