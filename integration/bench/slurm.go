package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster/integration/lab"
)

const (
	slurmRounds      = 3
	slurmRoundsShort = 1
	goalSlurm        = 1.2
	// srunTime is how long a cluster that was made may need to run its first job.
	srunTime = 2 * time.Minute
	srunPoll = 100 * time.Millisecond
)

// slurmLab are the nodes of a cluster.
var slurmLab = []string{"ctl01:slurm_controller", "node[01-03]:slurm_node"}

// slurmBench times a SLURM cluster from bare nodes to the first answer of srun: by
// muster, and by hand with scripts that install the same packages, copy the files
// that muster wrote and start the daemons. Each side gets nodes of its own, with all
// packages in apt's cache.
func slurmBench(ctx context.Context, o options) ([]Figure, error) {
	if err := o.warmPackages(ctx); err != nil {
		return nil, fmt.Errorf("fetching the packages: %w", err)
	}
	count := slurmRounds
	if o.short {
		count = slurmRoundsShort
	}
	var byTool, byHand []float64
	for round := range count {
		o.say("   slurm, round %d", round+1)
		var model cluster
		seconds, err := o.slurmCluster(ctx, func(ctx context.Context, c containers) error {
			_, err := o.measured(ctx, c.Dir, "slurm", "apply", "--yes", "-i", c.Inventory(), "slurm-cluster")
			return err
		}, &model)
		if err != nil {
			return nil, fmt.Errorf("muster: %w", err)
		}
		byTool = append(byTool, seconds)
		o.say("   muster    %7.2f s (load %s)", seconds, load())
		var copied cluster
		seconds, err = o.slurmCluster(ctx, model.byHand, &copied)
		if err != nil {
			return nil, fmt.Errorf("by hand: %w", err)
		}
		byHand = append(byHand, seconds)
		o.say("   by hand   %7.2f s (load %s)", seconds, load())
		if err := same(model.packages, copied.packages); err != nil {
			return nil, fmt.Errorf("the clusters have different packages: %w", err)
		}
	}
	return []Figure{note("slurm_muster_s", medianOf(byTool), "s"), note("slurm_hand_s", medianOf(byHand), "s"),
		atMost("slurm_vs_apt", medianOf(byTool)/medianOf(byHand), "×", goalSlurm)}, nil
}

// warmPackages fetches the packages of a cluster into the cache that all labs share:
// a lab leaves there what its nodes have fetched.
func (o options) warmPackages(ctx context.Context) error {
	o.say("   fetching the packages, not timed")
	return o.withContainers(ctx, "slurm", slurmLab[:1], func(c containers) error {
		return c.scripts(ctx, c.Nodes, "set -eu\nexport DEBIAN_FRONTEND=noninteractive\napt-get update -qq\n"+
			"apt-get install -qq --no-install-recommends --download-only "+controllerPackages+" "+nodePackages+"\n")
	})
}

// slurmCluster makes nodes, times how a cluster is made of them until srun answers
// from all, and keeps what it looks like.
func (o options) slurmCluster(ctx context.Context, build func(context.Context, containers) error, made *cluster) (seconds float64, err error) {
	err = o.withContainers(ctx, "slurm", slurmLab, func(c containers) (err error) {
		ctx, cancel := context.WithTimeout(ctx, toolTime)
		defer cancel()
		seconds, err = timed(func() error {
			if err := build(ctx, c); err != nil {
				return err
			}
			return c.srun(ctx)
		})
		if err == nil {
			*made, err = readCluster(ctx, c)
		}
		return err
	})
	return seconds, err
}

// srun asks for the names of all compute nodes until the cluster gives them.
func (c containers) srun(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, srunTime)
	defer cancel()
	controller := c.of("slurm_controller")[0]
	nodes := len(c.of("slurm_node"))
	for {
		out, err := c.ssh(ctx, controller, nil, "timeout", "20", "srun", fmt.Sprintf("-N%d", nodes), "hostname")
		if err == nil && len(strings.Fields(out)) == nodes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("srun: no answer from %d nodes: %w: %v %s", nodes, context.Cause(ctx), err, lastLines(out))
		case <-time.After(srunPoll):
		}
	}
}

// cluster is what a cluster that runs looks like.
type cluster struct {
	nodes    []lab.Node
	files    map[string][]copied // by node, in the order of their paths
	packages map[string]string   // by node: every installed package with its version
}

// readCluster reads the files that the other side will copy, and the packages.
func readCluster(ctx context.Context, c containers) (made cluster, err error) {
	made = cluster{nodes: c.Nodes, files: map[string][]copied{}}
	for _, n := range c.Nodes {
		paths := nodeFiles
		if c.isController(n) {
			paths = controllerFiles
		}
		for _, path := range paths {
			file, err := c.readFile(ctx, n, path)
			if err != nil {
				return made, fmt.Errorf("%s: %w", n.Name, err)
			}
			made.files[n.Name] = append(made.files[n.Name], file)
		}
	}
	made.packages, err = c.looks(ctx, c.Nodes, `dpkg-query -W -f '${Package} ${Version}\n' | sort`)
	return made, err
}

func (c containers) isController(n lab.Node) bool {
	for _, controller := range c.of("slurm_controller") {
		if controller.Name == n.Name {
			return true
		}
	}
	return false
}
