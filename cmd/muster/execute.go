package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/inventory"
	"muster/inventory/hostlist"
	"muster/modules"
	"muster/modules/command"
	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/playbooks/graph"
	"muster/playbooks/program"
	"muster/playbooks/run"
	"muster/transport/wire"
)

func (a *app) runVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "run -- COMMAND [ARGUMENT]...",
		Short: "Run one command on all selected hosts, and show equal output once",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			inv, err := a.loadInventory()
			if err != nil {
				return err
			}
			hosts, err := a.selected(inv)
			if err != nil {
				return err
			}
			return a.command(cmd.Context(), inv, hosts, args)
		},
	}
}

// command runs argv everywhere, as a program of one step.
func (a *app) command(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, argv []string) error {
	secrets, err := inventory.OpenSecrets(inv, a.flags.identity)
	if err != nil {
		return err
	}
	prog, err := oneCommand(hosts, argv)
	if err != nil {
		return err
	}
	d, err := a.newDialer(inv, secrets, hosts)
	if err != nil {
		return err
	}
	defer d.close()
	out := &outputs{text: map[string]*strings.Builder{}}
	o := run.Options{Mode: wire.Apply, Command: a.commandLine(), Interrupt: a.interrupt, Parallel: a.flags.parallel,
		LockTimeout: a.flags.lockTimeout, Reconnect: a.flags.reconnect, Sink: out}
	if a.json != nil {
		o.Sink = a.json
	}
	sum, err := run.Run(ctx, prog, d, o)
	if err != nil {
		return &exitError{sum.Exit, err.Error()}
	}
	if a.json == nil {
		if err := out.write(a.out); err != nil {
			return err
		}
	}
	return exit(sum.Exit)
}

// oneCommand is a program that runs argv once on each host.
func oneCommand(hosts []*inventory.Host, argv []string) (*program.Program, error) {
	config, err := modules.Encode(&command.Config{Argv: argv, Always: true})
	if err != nil {
		return nil, err
	}
	step := program.Step{Name: "command[run]", Module: command.Module.Name, Pos: "command line"}
	p := &program.Program{Playbook: "run", Graph: graph.New(len(hosts)), Bind: everywhere(config), Digest: "run"}
	for i, h := range hosts {
		p.Hosts = append(p.Hosts, program.Host{Name: h.Name, Address: h.Address})
		p.Vertices = append(p.Vertices, program.Vertex{Host: int32(i)})
		step.Vertices = append(step.Vertices, int32(i))
	}
	p.Steps = []program.Step{step}
	return p, nil
}

// everywhere is the same configuration for every host.
type everywhere []byte

// Requests implements program.Binder.
func (e everywhere) Requests(host int32, _ map[string]machine.Facts) ([]program.Request, error) {
	return []program.Request{{Vertex: host, Config: e}}, nil
}

// Materialise implements program.Binder: there are no secrets.
func (e everywhere) Materialise(context.Context) error { return nil }

// outputs gathers what each host prints and how it ended.
type outputs struct {
	hosts []string
	text  map[string]*strings.Builder
}

// Emit implements event.Sink.
func (o *outputs) Emit(e event.Event) {
	switch {
	case e.Kind == event.StepOutput:
		o.of(e.Host).WriteString(e.Text)
	case e.Failure != nil:
		b := o.of(e.Host)
		if b.Len() == 0 {
			b.WriteString(e.Failure.Stderr)
		}
		if n := b.Len(); n > 0 && b.String()[n-1] != '\n' {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "(%s)\n", e.Failure.Cause)
	case e.Kind == event.StepResult:
		o.of(e.Host)
	case e.Kind == event.NodeState && (e.State == event.Unreachable || e.State == event.Locked || e.State == event.Failed):
		fmt.Fprintf(o.of(e.Host), "(%s: %s)\n", e.State, e.Text)
	}
}

func (o *outputs) of(host string) *strings.Builder {
	b := o.text[host]
	if b == nil {
		b = &strings.Builder{}
		o.text[host] = b
		o.hosts = append(o.hosts, host)
	}
	return b
}

// write shows equal output once, most hosts first.
func (o *outputs) write(w io.Writer) error {
	by := map[string][]string{}
	for _, host := range o.hosts {
		text := o.text[host].String()
		by[text] = append(by[text], host)
	}
	var texts []string
	for text := range by {
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(a, b string) int {
		if n := len(by[b]) - len(by[a]); n != 0 {
			return n
		}
		return strings.Compare(slices.Min(by[a]), slices.Min(by[b]))
	})
	for _, text := range texts {
		if _, err := fmt.Fprintf(w, "--- %d: %s\n%s", len(by[text]), view.Line(hostlist.Fold(by[text])), ended(indented(view.Text(text)))); err != nil {
			return err
		}
	}
	return nil
}

// indented moves lines that look like the heading of other hosts' output: no node
// speaks for another.
func indented(s string) string {
	return strings.TrimPrefix(strings.ReplaceAll("\n"+s, "\n---", "\n ---"), "\n")
}

// ended adds the newline that is missing at the end of a text.
func ended(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}
