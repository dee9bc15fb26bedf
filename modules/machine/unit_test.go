package machine_test

import (
	"testing"

	"muster/modules/machine"
)

// TestKeyLines: settings count, not how they are written.
func TestKeyLines(t *testing.T) {
	keys := []string{"SlurmctldHost", "ClusterName", "AuthType"}
	ours := "# ours\nClusterName=lab\nSlurmctldHost=a(10.0.0.1)\nSlurmctldHost=b\nMailProg=/bin/true\nPartitionName=x Nodes=ALL\n"
	want := "clustername=lab\nslurmctldhost=a(10.0.0.1)\nslurmctldhost=b\n"
	for _, c := range []struct {
		name, text string
		same       bool
	}{
		{"ours", ours, true},
		{"by hand", "slurmctldhost = a(10.0.0.1)\n  SLURMCTLDHOST=b  \nclustername= lab", true},
		{"other lines", ours + "SlurmdTimeout=5\n#ClusterName=old\nClusterNameX=1\n", true},
		{"another order of hosts", "ClusterName=lab\nSlurmctldHost=b\nSlurmctldHost=a(10.0.0.1)\n", false},
		{"another value", "ClusterName=lab2\nSlurmctldHost=a(10.0.0.1)\nSlurmctldHost=b\n", false},
		{"one more", ours + "AuthType=auth/none\n", false},
	} {
		if got := machine.KeyLines(c.text, keys); (got == want) != c.same {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
