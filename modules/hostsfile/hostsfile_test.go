package hostsfile_test

import (
	"fmt"
	"testing"

	"muster/modules"
	"muster/modules/hostsfile"
	"muster/modules/machine"
	"muster/modules/modtest"
)

func TestCases(t *testing.T) { modtest.Run(t, hostsfile.Module, "testdata/*.txtar") }

// TestLargeFleet: ten thousand hosts with all that is known of them fit into a frame,
// and keep it.
func TestLargeFleet(t *testing.T) {
	c := &hostsfile.Config{}
	for i := range 10_000 {
		c.Hosts = append(c.Hosts, modules.Host{Name: fmt.Sprintf("node%05d", i), Address: fmt.Sprintf("10.1.%d.%d", i>>8, i&255),
			Vars: map[string]string{"rack": "r1"}, Facts: &machine.Facts{Disks: make([]machine.Disk, 8)}})
	}
	given := c.Hosts
	text, err := modules.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	if given[0].Facts == nil || given[0].Vars == nil {
		t.Error("the hosts of others were written to")
	}
	again, err := modules.Decode(hostsfile.Module, text)
	if err != nil {
		t.Fatal(err)
	}
	if hosts := again.(*hostsfile.Config).Hosts; len(hosts) != len(given) || hosts[9999].Name != given[9999].Name || hosts[9999].Address != given[9999].Address {
		t.Errorf("%d hosts, the last %+v", len(hosts), hosts[len(hosts)-1])
	}
}
