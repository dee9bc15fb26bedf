package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/inventory/hostlist"
	"muster/playbooks/program"
)

func (a *app) graphVerb() *cobra.Command {
	var dot bool
	cmd := &cobra.Command{
		Use:   "graph PLAYBOOK",
		Short: "Show the steps, their hosts, and what waits for what",
		Args:  arguments(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := a.compile(args[0])
			if err != nil {
				return err
			}
			a.noEvents()
			text := graphText(w.prog)
			if dot {
				text = graphDOT(w.prog)
			}
			_, err = io.WriteString(a.out, text)
			return err
		},
	}
	cmd.Flags().BoolVar(&dot, "dot", false, "in the language of Graphviz")
	return cmd
}

// waits are the edges between steps: by the step that waits, those waited for.
type waits map[int32][]int32

// stepEdges collapses the edges between vertices to edges between steps.
func stepEdges(p *program.Program) (after, afterAll waits) {
	seen := map[[2]int32]bool{}
	after, afterAll = waits{}, waits{}
	for v := range int32(len(p.Vertices)) {
		for _, next := range p.Graph.Next(v) {
			pair := [2]int32{p.Vertices[next].Step, p.Vertices[v].Step}
			if !seen[pair] {
				seen[pair] = true
				after[pair[0]] = append(after[pair[0]], pair[1])
			}
		}
	}
	for _, pair := range p.AfterAll {
		afterAll[pair[0]] = append(afterAll[pair[0]], pair[1])
	}
	for _, m := range []waits{after, afterAll} {
		for _, s := range slices.Collect(maps.Keys(m)) {
			slices.Sort(m[s])
			m[s] = slices.Compact(m[s])
		}
	}
	return after, afterAll
}

func stepHosts(p *program.Program, s program.Step) []string {
	var names []string
	for _, v := range s.Vertices {
		names = append(names, p.Hosts[p.Vertices[v].Host].Name)
	}
	return names
}

func graphText(p *program.Program) string {
	var b strings.Builder
	after, afterAll := stepEdges(p)
	for i, s := range p.Steps {
		hosts := stepHosts(p, s)
		fmt.Fprintf(&b, "%s on %d: %s\n", view.Line(s.Name), len(hosts), hostlist.Fold(hosts))
		for _, w := range []struct {
			word string
			list []int32
		}{{"after", after[int32(i)]}, {"after_all", afterAll[int32(i)]}} {
			for _, to := range w.list {
				fmt.Fprintf(&b, "  %s %s\n", w.word, view.Line(p.Steps[to].Name))
			}
		}
		if s.Batch > 0 {
			fmt.Fprintf(&b, "  batches of %d\n", s.Batch)
		}
		if s.MaxFail > 0 {
			fmt.Fprintf(&b, "  at most %d may fail\n", s.MaxFail)
		}
	}
	for _, name := range p.Assumed {
		fmt.Fprintf(&b, "assumed done: %s\n", view.Line(name))
	}
	return b.String()
}

func graphDOT(p *program.Program) string {
	var b strings.Builder
	b.WriteString("digraph muster {\n  rankdir = LR\n  node [shape = box]\n")
	after, afterAll := stepEdges(p)
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "  s%d [label = %q]\n", i, fmt.Sprintf("%s\n%s", view.Line(s.Name), hostlist.Fold(stepHosts(p, s))))
	}
	for i := range p.Steps {
		for _, to := range after[int32(i)] {
			fmt.Fprintf(&b, "  s%d -> s%d\n", to, i)
		}
		for _, to := range afterAll[int32(i)] {
			fmt.Fprintf(&b, "  s%d -> s%d [style = bold, label = \"all\"]\n", to, i)
		}
	}
	b.WriteString("}\n")
	return b.String()
}
