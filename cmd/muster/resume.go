package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"muster/inventory"
	"muster/playbooks/run"
)

func (a *app) resumeVerb() *cobra.Command {
	var c consent
	cmd := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "Go on with a run that was stopped or failed (default: the last one)",
		Args:  arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.json != nil && !c.yes {
				return usage("--json does not ask: add --yes")
			}
			inv, err := a.loadInventory()
			if err != nil {
				return err
			}
			id, err := chooseRun(inv, args)
			if err != nil {
				return err
			}
			dir := runDir(inv, id)
			j, err := run.ReadJournal(filepath.Join(dir, run.JournalFile))
			if err != nil {
				return err
			}
			if !j.Approved {
				return usage("run %s was stopped before it was approved: there is nothing to go on with", id)
			}
			src, err := run.ReadSource(dir)
			if err == nil {
				err = a.asSaved(cmd, "run "+id, src)
			}
			if err != nil {
				return err
			}
			a.again(src)
			w, err := a.compile(src.Playbook)
			if err != nil {
				return err
			}
			if w.prog.Digest != j.Digest {
				return &exitError{run.ExitStale, fmt.Sprintf("run %s: the inventory, the playbook, variables or the version of muster have changed since: "+
					"the same apply again does what is left", id)}
			}
			if j.Exit == run.ExitOK {
				fmt.Fprintf(a.out, "Run %s was complete.\n", id)
				return nil
			}
			return a.apply(cmd.Context(), w, c, id, j.Done)
		},
	}
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do not ask")
	return cmd
}

func runDir(inv *inventory.Inventory, id string) string {
	return filepath.Join(inv.StateDir, "runs", id)
}

// chooseRun is the named run, or the last one.
func chooseRun(inv *inventory.Inventory, args []string) (string, error) {
	if len(args) > 0 {
		if !run.ValidID(args[0]) {
			return "", usage("%q is no run id", args[0])
		}
		if _, err := os.Stat(runDir(inv, args[0])); err != nil {
			return "", usage("there is no run %s of cluster %s", args[0], inv.Cluster.Name)
		}
		return args[0], nil
	}
	ids, err := runs(inv)
	if err != nil {
		return "", err
	}
	// A run that was killed before it was approved leaves a folder too.
	for _, id := range slices.Backward(ids) {
		if j, err := run.ReadJournal(filepath.Join(runDir(inv, id), run.JournalFile)); err == nil && j.Approved {
			return id, nil
		}
	}
	return "", usage("there is no run of cluster %s to go on with", inv.Cluster.Name)
}

// runs lists the run ids of a cluster, oldest first.
func runs(inv *inventory.Inventory) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(inv.StateDir, "runs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if run.ValidID(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}
