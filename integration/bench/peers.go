package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/integration/lab"
	"muster/integration/workload"
)

const (
	peerNodes      = 10
	peerNodesShort = 2
	// cheapRounds are those of muster, the script and the handshakes, which take a
	// second; dearRounds those of Ansible and Mitogen, which take minutes.
	cheapRounds      = 7
	cheapRoundsShort = 3
	dearRounds       = 3
	dearRoundsShort  = 1
	// firstTime is how long first applies may go on: the next round is left out where
	// it would not fit.
	firstTime = 10 * time.Minute
	// toolTime ends a run that hangs; Ansible was seen to take four minutes.
	toolTime = 20 * time.Minute
)

// Goals, as ratios of medians.
const (
	goalShell     = 1.0
	goalHandshake = 2.0
	goalAnsible   = 100.0
	goalMitogen   = 30.0
	goalFirst     = 10.0
)

// Names of what is compared; they are in the names of the figures.
const (
	byMuster    = "muster"
	byShell     = "shell"
	byHandshake = "handshake"
	byAnsible   = "ansible"
	byMitogen   = "mitogen"
)

// peers are the tools that bring the same workload onto the same nodes.
type peers struct {
	options
	c        containers
	nodes    []lab.Node
	playbook string // for muster
	script   string // for the loop
	ansible  ansible
}

// peersBench compares muster with Ansible, Mitogen, a loop of scripts and bare
// handshakes. muster, the loop and the handshakes start on this machine, Ansible in
// a container of the nodes' network.
func peersBench(ctx context.Context, o options) (figures []Figure, err error) {
	count := peerNodes
	if o.short {
		count = peerNodesShort
	}
	nodes := []string{fmt.Sprintf("node[01-%02d]:workload", count), "ansible"}
	err = o.withContainers(ctx, "peers", nodes, func(c containers) error {
		p := peers{options: o, c: c, nodes: c.of("workload"), script: workload.Shell()}
		if err := p.prepare(ctx); err != nil {
			return err
		}
		first, errFirst := p.first(ctx)
		figures = append(figures, first...)
		if errFirst != nil {
			return fmt.Errorf("first apply: %w", errFirst)
		}
		noop, errNoop := p.noop(ctx)
		figures = append(figures, noop...)
		if errNoop != nil {
			return fmt.Errorf("no-op: %w", errNoop)
		}
		return nil
	})
	return figures, err
}

// prepare installs Python for Ansible and fetches the workload's packages.
func (p *peers) prepare(ctx context.Context) error {
	controller, _ := p.c.Node("ansible")
	p.ansible = ansible{c: p.c, controller: controller, nodes: p.nodes}
	p.say("   preparing: Ansible in its container, Python and fetched packages on the nodes")
	var err error
	if p.playbook, err = p.c.write("workload.hcl", workload.HCL("workload")); err != nil {
		return err
	}
	return errors.Join(p.ansible.prepare(ctx), p.c.scripts(ctx, p.nodes, workload.Cached()))
}

// run brings the workload onto all nodes once with one tool, in seconds. changed says
// whether the tool says that it changed something; the script and the handshakes say
// nothing.
func (p *peers) run(ctx context.Context, tool string) (seconds float64, changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	seconds, err = timed(func() (err error) {
		changed, err = p.once(ctx, tool)
		return err
	})
	if err != nil {
		return seconds, changed, fmt.Errorf("%s: %w", tool, err)
	}
	p.say("   %-9s %7.2f s (load %s)", tool, seconds, load())
	return seconds, changed, nil
}

func (p *peers) once(ctx context.Context, tool string) (changed bool, err error) {
	switch tool {
	case byMuster:
		return p.muster(ctx)
	case byShell:
		return false, each(ctx, p.nodes, func(ctx context.Context, n lab.Node) error {
			_, err := p.c.ssh(ctx, n, strings.NewReader(p.script), "sudo", "sh", "-s")
			return err
		})
	case byHandshake:
		return false, each(ctx, p.nodes, func(ctx context.Context, n lab.Node) error {
			_, err := p.c.ssh(ctx, n, nil, "true")
			return err
		})
	case byMitogen:
		count, err := p.ansible.play(ctx, "mitogen_linear")
		return count > 0, err
	}
	count, err := p.ansible.play(ctx, "linear")
	return count > 0, err
}

// muster applies the playbook once.
func (p *peers) muster(ctx context.Context) (changed bool, err error) {
	done, err := p.measured(ctx, p.c.Dir, "peers", "apply", "--yes", "-i", p.c.Inventory(), p.playbook)
	return !strings.Contains(done.Stdout, nothingToDo), err
}
