package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"muster/integration/workload"
)

// The goals for a no-op apply of the workload on a thousand simulated nodes.
const (
	scaleNodes   = 1000
	scaleSeconds = 15
	scaleMB      = 400
)

// scale applies the workload to simulated nodes, real SSH and the real agent over
// machines in memory, and then again with nothing to do. The nodes live in a process
// of their own, so that the memory is the controller's alone; the processors are
// shared, and do the nodes' half of the cryptography too.
//
// sim1000_s and sim1000_mb are the median and the largest of the applies that have
// nothing to do; the other sizes show that the cost grows with the nodes only.
func scale(ctx context.Context, o options) ([]Figure, error) {
	fleets := []struct{ nodes, rounds int }{{100, 3}, {scaleNodes, 3}, {5000, 1}}
	if o.short || o.profile != "" {
		fleets = fleets[:2]
		fleets[0].rounds, fleets[1].rounds = 1, 1
	}
	var figures []Figure
	var floor float64 // MB of the smallest fleet
	for i, f := range fleets {
		r, err := o.fleet(ctx, f.nodes, f.rounds)
		if err != nil {
			return figures, fmt.Errorf("%d nodes: %w", f.nodes, err)
		}
		figures = append(figures, r.figures(f.nodes)...)
		if i == 0 {
			floor = r.mb
			continue
		}
		more := float64(f.nodes - fleets[0].nodes)
		figures = append(figures, note(fmt.Sprintf("sim%d_kb_per_node", f.nodes), (r.mb-floor)*1024/more, "KB"))
	}
	return figures, nil
}

// fleetResult is what one size of fleet took.
type fleetResult struct {
	first, firstMB float64 // of the first apply: s, MB
	noop, mb       float64 // of those with nothing to do: median s, largest MB
}

func (r fleetResult) figures(nodes int) []Figure {
	name := func(what string) string { return fmt.Sprintf("sim%d_%s", nodes, what) }
	out := []Figure{note(name("first_s"), r.first, "s"), note(name("first_mb"), r.firstMB, "MB")}
	if nodes == scaleNodes {
		return append(out, atMost(name("s"), r.noop, "s", scaleSeconds), atMost(name("mb"), r.mb, "MB", scaleMB))
	}
	return append(out, note(name("s"), r.noop, "s"), note(name("mb"), r.mb, "MB"))
}

// fleet measures one size.
func (o options) fleet(ctx context.Context, nodes, rounds int) (r fleetResult, err error) {
	dir, err := os.MkdirTemp("", "muster-scale-")
	if err != nil {
		return r, err
	}
	name := fmt.Sprintf("scale-%d-%d", os.Getpid(), nodes)
	lab := func(ctx context.Context, args ...string) error {
		plain := o
		plain.profile = ""
		_, err := plain.measured(ctx, dir, "", append([]string{"lab"}, append(args, "--name", name, "--dir", dir)...)...)
		return err
	}
	defer func() {
		// Also after an interrupt: the nodes would live on.
		err = errors.Join(err, lab(context.WithoutCancel(ctx), "down"), os.RemoveAll(dir))
	}()
	if err := lab(ctx, "up", "--driver", "sim", "--nodes", fmt.Sprint(nodes)); err != nil {
		return r, err
	}
	if err := os.WriteFile(filepath.Join(dir, "play.hcl"), []byte(workload.HCL("all")), 0o644); err != nil {
		return r, err
	}
	first, err := o.workload(ctx, dir, nodes, "first")
	if err != nil {
		return r, err
	}
	r.first, r.firstMB = first.Seconds, first.MB
	var times []float64
	for range rounds {
		p, err := o.workload(ctx, dir, nodes, "noop")
		if err != nil {
			return r, err
		}
		if !strings.Contains(p.Stdout, nothingToDo) {
			return r, fmt.Errorf("an apply after the first has something to do: %s", lastLines(p.Stdout))
		}
		times = append(times, p.Seconds)
		r.mb = max(r.mb, p.MB)
	}
	r.noop = medianOf(times)
	return r, nil
}

// nothingToDo is in the first line of a plan without changes.
const nothingToDo = ": nothing to change on "

// workload applies the playbook of dir once.
func (o options) workload(ctx context.Context, dir string, nodes int, what string) (process, error) {
	p, err := o.measured(ctx, dir, fmt.Sprintf("scale-%d-%s", nodes, what), "apply", "--yes", "-i", "inventory.hcl", "play.hcl")
	if err == nil {
		o.say("%d nodes, %s: %.2f s, %.0f MB (load %s)", nodes, what, p.Seconds, p.MB, load())
	}
	return p, err
}
