package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"muster/modules/all"
	"muster/modules/machine"
	"muster/modules/machine/linux"
	"muster/transport/agent"
	"muster/transport/wire"
)

const usage = `usage: muster-agent serve --mode plan|apply|facts --run ID --who USER@HOST [--dir FOLDER]
       muster-agent version
`

// run is main with its surroundings; it returns the exit code.
func run(args []string, out, errs io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "version":
		return version(out, errs)
	case len(args) > 0 && args[0] == "serve":
		if err := serve(args[1:]); err != nil {
			fmt.Fprintln(errs, "muster-agent:", err)
			return 1
		}
		return 0
	}
	fmt.Fprint(errs, usage)
	return 2
}

func version(out, errs io.Writer) int {
	digest, err := agent.Self()
	if err != nil {
		fmt.Fprintln(errs, "muster-agent:", err)
		return 1
	}
	fmt.Fprintf(out, "muster-agent protocol %d digest %s\n", wire.Protocol, digest)
	return 0
}

// serve talks to the controller on standard input and output.
func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	mode := flags.String("mode", "", "plan, apply or facts")
	id := flags.String("run", "", "id of the run")
	who := flags.String("who", "", "user@host of the controller")
	dir := flags.String("dir", linux.Dir, "the agent's own folder")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return errors.New("the arguments are not those of serve")
	}
	if os.Geteuid() != 0 {
		return errors.New("it has to run as root")
	}
	stop, err := agent.Harden()
	if err != nil {
		return err
	}
	digest, err := agent.Self()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-stop
		cancel()
	}()
	return agent.Serve(ctx, os.Stdin, os.Stdout, agent.Options{
		Mode: wire.Mode(*mode), Run: *id, Who: *who, Dir: *dir, Digest: digest, Modules: all.Modules(),
		Store:  func() (machine.Store, error) { return linux.New(*dir) },
		Lock:   func(h wire.Holder) (func(), *wire.Holder, error) { return lock(*dir, h) },
		Vertex: vertex,
	})
}

// lock takes the node's lock in the words of the wire.
func lock(dir string, h wire.Holder) (func(), *wire.Holder, error) {
	release, held, err := linux.Lock(dir, h.Mode == wire.Apply, linux.Holder{Run: h.Run, Who: h.Who, Mode: string(h.Mode), Since: h.Since})
	if held == nil {
		return release, nil, err
	}
	return nil, &wire.Holder{Run: held.Run, Who: held.Who, Mode: wire.Mode(held.Mode), Since: held.Since}, err
}

func vertex(ctx context.Context, run, step string, output func(string)) context.Context {
	return linux.WithVertex(ctx, linux.Vertex{Run: run, Name: step, Output: output})
}
