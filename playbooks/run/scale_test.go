package run

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/modules/machine"
)

// Ten thousand vertices with barriers between all steps: the walk itself, with
// nodes that answer at once, costs far less than one connection does.
func TestThousandHosts(t *testing.T) {
	var hosts, steps []string
	for i := range 1000 {
		hosts = append(hosts, fmt.Sprintf("n%04d", i))
	}
	for i := range 10 {
		steps = append(steps, fmt.Sprintf("s%d: %s", i, strings.Join(hosts, " ")))
	}
	b, f := build(strings.Join(hosts, " "), steps...), newFleet()
	for i := range 9 {
		b.afterAll(fmt.Sprintf("s%d", i+1), fmt.Sprintf("s%d", i))
	}
	f.changes = func(name string) []machine.Change {
		if strings.HasSuffix(name, "@n0500") {
			return []machine.Change{{Table: "file", Key: "/x", Want: machine.State{"mode": machine.Text("0644")}}}
		}
		return nil
	}
	f.quick = true
	start := time.Now()
	sum, _ := apply(t, b, f, ExitOK)
	if took := time.Since(start); took > 5*time.Second || sum.Changed != 10 || sum.OK != 9990 || len(f.did) != 10 {
		t.Errorf("after %v: %+v", took, sum)
	}
}
