package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/integration/lab"
	"muster/playbooks/run"
)

func (a *app) labVerb() *cobra.Command {
	var o struct {
		name, dir, driver string
		nodes             []string
		count             int
	}
	cmd := &cobra.Command{Use: "lab", Short: "A cluster of container or simulated nodes on this machine, to try things on", Args: subverb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.PersistentFlags().StringVar(&o.name, "name", "lab", "the lab's name: several can run side by side")
	cmd.PersistentFlags().StringVar(&o.dir, "dir", "", "where its inventory and keys are (default .muster-lab/NAME)")
	up := a.labCommand("up", "Make the lab and the inventory that reaches it", func(ctx context.Context) error {
		if o.driver == "sim" {
			return a.simUp(ctx, lab.SimOptions{Name: o.name, Dir: o.dir, Nodes: o.count, Log: a.say})
		}
		specs, err := lab.ParseNodes(o.nodes)
		if err != nil {
			return err
		}
		l, err := lab.Up(ctx, lab.Options{Name: o.name, Dir: o.dir, Nodes: specs, Log: a.say})
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "%s\n", l.Inventory())
		return nil
	})
	up.Flags().StringArrayVar(&o.nodes, "node", []string{"ctl01:slurm_controller", "node[01-03]:slurm_node"}, "nodes and their groups, NAME:GROUP,GROUP (may be repeated)")
	up.Flags().StringVar(&o.driver, "driver", "docker", "docker: container nodes; sim: nodes simulated in one process, without Docker")
	up.Flags().IntVar(&o.count, "nodes", 4, "how many nodes, with --driver sim: the first is slurm_controller, the others are slurm_node")
	up.PreRunE = func(cmd *cobra.Command, _ []string) error { return checkDriver(cmd, o.driver) }
	down := a.labCommand("down", "Remove everything that belongs to the lab", func(ctx context.Context) error {
		if err := lab.DownSim(ctx, o.name, o.dir, a.say); !errors.Is(err, lab.ErrNoLab) {
			return err
		}
		return lab.Down(ctx, o.name, o.dir, a.say)
	})
	status := a.labCommand("status", "Show the lab's nodes", func(ctx context.Context) error {
		if s, err := lab.StatusSim(o.name, o.dir); !errors.Is(err, lab.ErrNoLab) {
			return a.simStatus(s, err)
		}
		list, err := lab.Status(ctx, o.name)
		if err != nil {
			return err
		}
		for _, n := range list {
			fmt.Fprintf(a.out, "%s  %s  %s\n", n.Name, n.Address, view.Line(cmp.Or(n.System, n.State)))
		}
		return nil
	})
	cmd.AddCommand(up, down, status, a.simServeVerb())
	return cmd
}

// labCommand is a verb that the first signal ends; lab.Up then removes what it
// has made.
func (a *app) labCommand(use, short string, f func(context.Context) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := a.once(cmd.Context())
		defer cancel()
		err := f(ctx)
		if errors.Is(err, context.Canceled) {
			return &exitError{run.ExitInterrupted, err.Error()}
		}
		return err
	}}
}

func (a *app) say(line string) { a.log.Info(view.Line(line)) }
