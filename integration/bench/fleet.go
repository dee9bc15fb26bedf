package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"muster/integration/lab"
)

// downTime bounds the removal of a lab, which also happens after an interrupt.
const downTime = 3 * time.Minute

// containers is a lab of container nodes for the time of a bench.
type containers struct {
	*lab.Lab
}

// withContainers makes a lab in a folder of its own, hands it to f and removes both,
// also after an interrupt. Nodes are written as for `muster lab up --node`.
func (o options) withContainers(ctx context.Context, short string, nodes []string, f func(containers) error) (err error) {
	specs, err := lab.ParseNodes(nodes)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "muster-bench-")
	if err != nil {
		return err
	}
	name := fmt.Sprintf("bench%d-%s", os.Getpid(), short)
	say := func(line string) { o.say("   %s", line) }
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), downTime)
		defer cancel()
		err = errors.Join(err, lab.Down(late, name, dir, say), os.RemoveAll(dir))
	}()
	l, err := lab.Up(ctx, lab.Options{Name: name, Nodes: specs, Dir: dir, Log: say})
	if err != nil {
		return err
	}
	return f(containers{l})
}

// write puts a file into the lab's folder and returns its path.
func (c containers) write(name, text string) (string, error) {
	path := filepath.Join(c.Dir, name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// of are the nodes of a group.
func (c containers) of(group string) (nodes []lab.Node) {
	for _, n := range c.Nodes {
		for _, g := range n.Groups {
			if g == group {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes
}

// each calls f for all nodes side by side; the first error ends the others.
func each(ctx context.Context, nodes []lab.Node, f func(context.Context, lab.Node) error) error {
	work, ctx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		work.Go(func() error {
			if err := f(ctx, n); err != nil {
				return fmt.Errorf("%s: %w", n.Name, err)
			}
			return nil
		})
	}
	return work.Wait()
}

// script runs a script for sh as root in a node, past SSH, and returns what it prints.
func (c containers) script(ctx context.Context, node lab.Node, text string) (string, error) {
	var out strings.Builder
	err := c.ExecIO(ctx, node.Name, strings.NewReader(text), &out, "sh", "-s")
	return out.String(), err
}

// scripts is script on nodes side by side, for what is not timed.
func (c containers) scripts(ctx context.Context, nodes []lab.Node, text string) error {
	return each(ctx, nodes, func(ctx context.Context, n lab.Node) error {
		_, err := c.script(ctx, n, text)
		return err
	})
}

// looks is what a script prints on each node.
func (c containers) looks(ctx context.Context, nodes []lab.Node, text string) (map[string]string, error) {
	answers := make([]string, len(nodes))
	place := map[string]int{}
	for i, n := range nodes {
		place[n.Name] = i
	}
	err := each(ctx, nodes, func(ctx context.Context, n lab.Node) error {
		var err error
		answers[place[n.Name]], err = c.script(ctx, n, text)
		return err
	})
	out := map[string]string{}
	for _, n := range nodes {
		out[n.Name] = answers[place[n.Name]]
	}
	return out, err
}

// ssh runs a command on a node with OpenSSH's client, as an administrator's loop does.
func (c containers) ssh(ctx context.Context, node lab.Node, stdin io.Reader, argv ...string) (string, error) {
	config := filepath.Join(c.Dir, lab.FileSSHConfig)
	cmd := exec.CommandContext(ctx, "ssh", append([]string{"-F", config, "-o", "BatchMode=yes", node.Name}, argv...)...)
	var out, said strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &said
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("ssh %s: %w: %s", strings.Join(argv, " "), err, lastLines(said.String()))
	}
	return out.String(), nil
}

// timed is how long f takes, in seconds.
func timed(f func() error) (float64, error) {
	began := time.Now()
	err := f()
	return time.Since(began).Seconds(), err
}

// firstDifference names the first line in which two texts differ.
func firstDifference(was, is string) string {
	a, b := strings.Split(was, "\n"), strings.Split(is, "\n")
	for i := range max(len(a), len(b)) {
		left, right := "(nothing)", "(nothing)"
		if i < len(a) {
			left = a[i]
		}
		if i < len(b) {
			right = b[i]
		}
		if left != right {
			return fmt.Sprintf("%q, was %q", right, left)
		}
	}
	return ""
}
