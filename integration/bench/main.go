// The program bench measures muster against other tools, against what the network
// costs alone, and against its own goals. Figures are ratios of medians of interleaved
// runs on the same nodes where there is something to compare with.
//
// It exits with 1 when a figure misses its goal by more than a factor of two, or
// when a bench cannot be run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// bench is one group of figures that are measured together.
type bench struct {
	name string
	what string // a line for people
	run  func(context.Context, options) ([]Figure, error)
}

// benches are all, in the order in which they run.
var benches = []bench{
	{"peers", "the workload on container nodes, against Ansible, Mitogen, a loop of scripts and handshakes", peersBench},
	{"slurm", "a SLURM cluster from bare container nodes to srun, against scripts with apt-get", slurmBench},
	{"scale", "the workload on simulated nodes, in seconds and memory of the controller", scale},
	{"rtt", "an apply with nothing to do over a link of 50 ms, in round trips", rtt},
	{"offline", "plan --no-connect of sixty steps, with the facts of all hosts", offline},
}

// options are what the command line says.
type options struct {
	muster string // the binary that is measured
	short  bool   // fewer nodes and rounds, for every change
	// profile is the folder for profiles of the measured runs, "" for none: then each
	// size runs once.
	profile string
}

// say prints progress, apart from the table.
func (options) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	flag.StringVar(&o.muster, "muster", "bin/muster", "the binary that is measured")
	flag.BoolVar(&o.short, "short", false, "fewer nodes and rounds")
	flag.StringVar(&o.profile, "profile", "", "write profiles of muster into this folder, with fewer rounds")
	out := flag.String("out", "bin/bench.json", "where the figures go")
	only := flag.String("only", "", "comma list of benches: "+strings.Join(names(), " "))
	flag.Parse()
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var figures []Figure
	var failed []error
	for _, b := range chosen {
		o.say("== %s: %s (load %s)", b.name, b.what, load())
		got, err := b.run(ctx, o)
		figures = append(figures, got...)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", b.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	failed = append(failed, save(*out, figures), table(os.Stdout, figures), missed(figures))
	return errors.Join(failed...)
}

// missed is the error of figures that are far from their goals; nil for none.
func missed(figures []Figure) error {
	var far []error
	for _, f := range figures {
		if f.Far() {
			far = append(far, fmt.Errorf("%s: %.3g %s misses the goal %s by more than a factor of %d", f.Name, f.Value, f.Unit, f.limit(), slack))
		}
	}
	return errors.Join(far...)
}

func names() (out []string) {
	for _, b := range benches {
		out = append(out, b.name)
	}
	return out
}

// choose picks benches by name; all for an empty list.
func choose(list string) ([]bench, error) {
	if list == "" {
		return benches, nil
	}
	var out []bench
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(names(), name)
		if i < 0 {
			return nil, fmt.Errorf("-only %s: there is no such bench; there are %s", name, strings.Join(names(), ", "))
		}
		out = append(out, benches[i])
	}
	return out, nil
}

// load is the machine's load average over a minute, as text.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
