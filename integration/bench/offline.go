package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The goals for a plan of ten thousand hosts without a connection.
const (
	offlineHosts   = 10_000
	offlineSeconds = 3
	offlineMB      = 1000
)

// offline plans sixty steps on hosts whose facts an earlier run has recorded, with
// plan --no-connect: inventory, playbook and facts are read, everything is compiled
// and evaluated, every step is planned on every host, and the plan is shown.
//
// offline10000_s is the median and offline10000_mb the largest of the rounds; the
// figures per host beside it show that the cost grows with the hosts only.
func offline(ctx context.Context, o options) ([]Figure, error) {
	rounds := 3
	if o.profile != "" {
		rounds = 1
	}
	var figures []Figure
	for _, hosts := range []int{100, 1000, offlineHosts} {
		seconds, mb, err := o.offlinePlan(ctx, hosts, rounds)
		if err != nil {
			return figures, fmt.Errorf("%d hosts: %w", hosts, err)
		}
		name := func(what string) string { return fmt.Sprintf("offline%d_%s", hosts, what) }
		if hosts == offlineHosts {
			figures = append(figures, atMost(name("s"), seconds, "s", offlineSeconds), atMost(name("mb"), mb, "MB", offlineMB))
		} else {
			figures = append(figures, note(name("s"), seconds, "s"), note(name("mb"), mb, "MB"))
		}
		figures = append(figures, note(name("ms_per_host"), seconds*1000/float64(hosts), "ms"))
	}
	return figures, nil
}

// offlinePlan measures one size: the median time and the most memory.
func (o options) offlinePlan(ctx context.Context, hosts, rounds int) (seconds, mb float64, err error) {
	dir, err := os.MkdirTemp("", "muster-offline-")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeSite(dir, hosts); err != nil {
		return 0, 0, err
	}
	var times []float64
	for range rounds {
		p, err := o.measured(ctx, dir, fmt.Sprintf("offline-%d", hosts), "plan", "--no-connect", "-i", "inventory.hcl", "play.hcl")
		if err != nil {
			return 0, 0, err
		}
		if head := fmt.Sprintf(": %d of %d nodes to change", hosts, hosts); !strings.Contains(p.Stdout, head) {
			return 0, 0, fmt.Errorf("the plan does not say %q: %s", head, lastLines(p.Stdout))
		}
		o.say("%d hosts, plan: %.2f s, %.0f MB (load %s)", hosts, p.Seconds, p.MB, load())
		times = append(times, p.Seconds)
		mb = max(mb, p.MB)
	}
	return medianOf(times), mb, nil
}

// writeSite writes the inventory, the facts and the playbook of a site into dir.
func writeSite(dir string, hosts int) error {
	facts, err := siteFacts(hosts)
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"inventory.hcl": siteInventory(hosts), "play.hcl": sitePlaybook(), filepath.Join(".muster", siteName, "facts.json"): facts,
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}
