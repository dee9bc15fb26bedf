package playbooks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/inventory"
	"muster/modules/machine"
	"muster/playbooks/program"
)

// fleetOf is an inventory of n hosts.
func fleetOf(b testing.TB, n int) *inventory.Inventory {
	b.Helper()
	path := filepath.Join(b.TempDir(), "inventory.hcl")
	text := fmt.Sprintf("cluster \"big\" {\n}\nhosts \"n[00001-%05d]\" {\n  groups = [\"compute\"]\n  vars = { rack = 1 }\n}\n", n)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	inv, diags := inventory.Load(path, inventory.Options{})
	if diags.HasErrors() {
		b.Fatal(shown(diags))
	}
	return inv
}

// stepsOf is a playbook of n steps, each after the one before, with what is dear
// in turn: arguments for each host, and lists of hosts.
func stepsOf(n int, peers string) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "step \"note\" \"s%d\" {\n  on = \"compute\"\n", i)
		if i%2 == 0 {
			s.WriteString("  path = \"/${host.name}/${host.vars.rack}\"\n")
		} else {
			fmt.Fprintf(&s, "  path  = \"/all\"\n  tags = [for h in hosts(%q) : h.name]\n  peers = hosts(%q)\n", peers, peers)
		}
		if i > 0 {
			fmt.Fprintf(&s, "  after = [step.note.s%d]\n", i-1)
		}
		s.WriteString("}\n")
	}
	return s.String()
}

func compileBig(b testing.TB, inv *inventory.Inventory, text string) *program.Program {
	b.Helper()
	p, diags := Compile(inv, parse(b, text), Options{Modules: testModules})
	if diags.HasErrors() {
		b.Fatal(shown(diags))
	}
	return p
}

// processorTime is what this process has used so far: on a busy machine, the clock says
// more about the others.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestLinear compiles ten times the hosts and fails if that takes a hundred times
// as long: some square has crept in.
func TestLinear(t *testing.T) {
	text := stepsOf(20, "compute")
	cost := func(n int) float64 {
		inv := fleetOf(t, n)
		best := time.Hour
		for range 3 {
			start := processorTime(t)
			compileBig(t, inv, text)
			best = min(best, processorTime(t)-start)
		}
		return best.Seconds()
	}
	if small, big := cost(300), cost(3000); big > 40*small {
		t.Errorf("10 times the hosts take %.0f times as long", big/small)
	}
}

func BenchmarkCompile10000x60(b *testing.B) {
	inv, text := fleetOf(b, 10_000), stepsOf(60, "compute")
	for b.Loop() {
		if p := compileBig(b, inv, text); len(p.Vertices) != 600_000 {
			b.Fatal(len(p.Vertices))
		}
	}
}

func BenchmarkBind10000x60(b *testing.B) {
	inv := fleetOf(b, 10_000)
	p := compileBig(b, inv, stepsOf(60, "n[00001-00100]"))
	facts := map[string]machine.Facts{}
	for _, h := range inv.Hosts {
		facts[h.Name] = machine.Facts{Hostname: h.Name, CPUs: 224}
	}
	for b.Loop() {
		for h := range p.Hosts {
			if _, err := p.Bind.Requests(int32(h), facts); err != nil {
				b.Fatal(err)
			}
		}
	}
}
