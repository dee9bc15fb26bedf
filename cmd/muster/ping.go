package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"muster/cmd/muster/view"
	"muster/inventory"
	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/playbooks/run"
	"muster/transport/wire"
)

// answer is what a host said to a hello.
type answer struct {
	host  string
	hello wire.Hello
	took  time.Duration
	err   error
}

// event is the answer as a stream of events has it.
func (x answer) event() event.Event {
	e := event.Event{Kind: event.NodeState, Host: x.host, State: event.Ready, Millis: x.took.Milliseconds()}
	if x.err != nil {
		e.State, e.Text = event.Unreachable, x.err.Error()
	}
	return e
}

func (a *app) pingVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "ping",
		Short: "Connect to every host and start its agent; nothing else",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, answers, err := a.hellos(cmd.Context())
			if err != nil {
				return err
			}
			for _, x := range answers {
				switch {
				case a.json != nil:
					a.json.Next(x.event())
				case x.err != nil:
					fmt.Fprintf(a.out, "%s  unreachable  %s\n", view.Line(x.host), view.Line(x.err.Error()))
				default:
					f := x.hello.Facts
					fmt.Fprintf(a.out, "%s  ok  %s  %s\n", view.Line(x.host), x.took.Round(time.Millisecond), view.Line(f.OS+" "+f.OSVer+" "+f.Arch))
				}
			}
			return a.answered(answers)
		},
	}
}

func (a *app) factsVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "facts",
		Short: "Read the facts of every host, and keep them for later plans",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			inv, answers, err := a.hellos(cmd.Context())
			if err != nil {
				return err
			}
			facts := map[string]machine.Facts{}
			for _, x := range answers {
				if x.err == nil {
					facts[x.host] = x.hello.Facts
				}
			}
			if err := saveFacts(inv, facts); err != nil {
				return err
			}
			if a.json != nil {
				a.noEvents()
				enc := json.NewEncoder(a.out)
				enc.SetIndent("", "  ")
				for _, x := range answers {
					if x.err != nil {
						a.log.Error(view.Line(x.host + ": " + x.err.Error()))
					}
				}
				err = enc.Encode(facts)
			} else {
				a.writeFacts(answers)
			}
			if err != nil {
				return err
			}
			return a.answered(answers)
		},
	}
}

func (a *app) writeFacts(answers []answer) {
	for _, x := range answers {
		if x.err != nil {
			fmt.Fprintf(a.out, "%s  unreachable  %s\n", view.Line(x.host), view.Line(x.err.Error()))
			continue
		}
		f := x.hello.Facts
		fmt.Fprintf(a.out, "%s  %s  %d CPUs (%d x %d x %d), %d MiB, %d GPUs, %d HCAs, %d NICs, %d disks\n", view.Line(x.host),
			view.Line(f.OS+" "+f.OSVer+" "+f.Arch+" "+f.Kernel), f.CPUs, f.Sockets, f.Cores, f.Threads, f.MemoryMB,
			len(f.GPUs), len(f.HCAs), len(f.NICs), len(f.Disks))
	}
}

// hellos connects to the selected hosts and keeps what their agents say.
func (a *app) hellos(ctx context.Context) (*inventory.Inventory, []answer, error) {
	inv, err := a.loadInventory()
	if err != nil {
		return nil, nil, err
	}
	hosts, err := a.selected(inv)
	if err != nil {
		return nil, nil, err
	}
	secrets, err := inventory.OpenSecrets(inv, a.flags.identity)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.newDialer(inv, secrets, hosts)
	if err != nil {
		return nil, nil, err
	}
	defer d.close()
	ctx, cancel := a.once(ctx)
	defer cancel()
	limit := a.flags.parallel
	if limit == 0 {
		limit = len(hosts)
	}
	slots := make(chan struct{}, limit)
	answers := make([]answer, len(hosts))
	id := run.NewID(time.Now())
	var wg sync.WaitGroup
	for i, h := range hosts {
		slots <- struct{}{}
		wg.Go(func() {
			answers[i] = hello(ctx, d, h.Name, id)
			<-slots
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, nil, exit(run.ExitInterrupted)
	}
	return inv, answers, nil
}

func hello(ctx context.Context, d *dialer, host, id string) answer {
	start := time.Now()
	c, err := d.Dial(ctx, host, wire.Facts, id)
	if err != nil {
		return answer{host: host, err: err}
	}
	defer c.Close()
	x := answer{host: host, hello: c.Hello(), took: time.Since(start)}
	if err := x.hello.Facts.Check(); err != nil {
		x.err = fmt.Errorf("facts: %w", err)
	}
	return x
}

// answered is exit 4 when a host did not answer.
func (a *app) answered(answers []answer) error {
	for _, x := range answers {
		if x.err != nil {
			return exit(run.ExitUnreachable)
		}
	}
	return nil
}
