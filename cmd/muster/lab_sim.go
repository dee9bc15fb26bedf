package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"muster/integration/lab"
)

// checkDriver refuses a flag of the other driver.
func checkDriver(cmd *cobra.Command, driver string) error {
	foreign, advice := "nodes", "container nodes are named: --node NAME:GROUP"
	switch driver {
	case "docker":
	case "sim":
		foreign, advice = "node", "simulated nodes are counted: --nodes N"
	default:
		return usage("--driver %s: write docker or sim", driver)
	}
	if cmd.Flags().Changed(foreign) {
		return usage("--%s does not go with --driver %s: %s", foreign, driver, advice)
	}
	return nil
}

// simServe is the hidden verb of the process that simulated nodes live in.
const simServe = "serve-sim"

// simUp starts that process, which is this program once more.
func (a *app) simUp(ctx context.Context, o lab.SimOptions) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir := o.Dir
	if dir == "" {
		dir = lab.DefaultDir(o.Name)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	// Not CommandContext: it outlives this command.
	server := exec.Command(self, "lab", simServe, "--name", o.Name, "--dir", dir, "--nodes", strconv.Itoa(o.Nodes))
	server.Args[0] = os.Args[0]
	inventory, err := lab.UpSim(ctx, o, server)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s\n", inventory)
	return nil
}

func (a *app) simServeVerb() *cobra.Command {
	var o lab.SimOptions
	cmd := a.labCommand(simServe, "Serve simulated nodes until a signal comes (`lab up --driver sim` starts it)", func(ctx context.Context) error {
		return lab.ServeSim(ctx, o)
	})
	cmd.Hidden = true
	cmd.Flags().IntVar(&o.Nodes, "nodes", 0, "how many nodes")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) (err error) {
		if o.Name, err = cmd.Flags().GetString("name"); err != nil {
			return err
		}
		o.Dir, err = cmd.Flags().GetString("dir")
		return err
	}
	return cmd
}

// simStatus counts the nodes: they live and end together.
func (a *app) simStatus(s lab.SimStatus, err error) error {
	if err != nil {
		return err
	}
	if !s.Running {
		fmt.Fprintln(a.out, "0 simulated nodes: their process has ended; `muster lab up --driver sim` makes new ones")
		return nil
	}
	fmt.Fprintf(a.out, "%d simulated nodes run in process %d\n", s.Nodes, s.PID)
	return nil
}
