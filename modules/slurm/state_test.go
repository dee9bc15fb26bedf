package slurm

import (
	"slices"
	"testing"
)

const promised = `
StateSaveLocation=/shared/slurm
NodeName=n[1-9] NodeAddr=10.0.0.[1-9] Sockets=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=22899 Gres=gpu:h100:2 State=UNKNOWN
NodeName=c1 NodeAddr=10.0.0.20 CPUs=16 RealMemory=1000 State=UNKNOWN
`

func TestCured(t *testing.T) {
	tests := []struct {
		name, line string
		want       bool
	}{
		{"memory promised too high before", "n1|drained|slurm|2|999999|Low RealMemory (reported:24105 < 100.00% of configured:999999)", true},
		{"memory still too high", "n1|inval|slurm|2|22899|Low RealMemory (reported:20000 < 100.00% of configured:22899)", false},
		{"an admin's own words", "n1|drained|root|2|22899|Low RealMemory (reported:24105 < 100.00% of configured:999999)", false},
		{"drained for another reason", "n1|drained|slurm|2|22899|Kill task failed", false},
		{"fewer GPUs than before", "n1|inval|slurm|2|22899|gres/gpu count reported lower than configured (2 < 4)", true},
		{"a GPU is lost", "n1|inval|slurm|2|22899|gres/gpu count reported lower than configured (1 < 2)", false},
		{"processors promised too high before", "n1|inval|slurm|4|22899|Low socket*core*thread count, Low CPUs", true},
		{"processors right meanwhile", "n1|drained|slurm|2|22899|Low socket*core*thread count, Low CPUs", true},
		{"processors still too high", "n1|inval|slurm|2|22899|Low socket*core*thread count, Low CPUs", false},
		{"no line in slurm.conf", "x1|drained|slurm|2|999999|Low RealMemory (reported:24105 < 100.00% of configured:999999)", false},
		{"cut line", "n1|drained|slurm", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := len(parseNodes(promised).cured(tt.line+"\n")) == 1; got != tt.want {
				t.Errorf("cured = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCuredListsNodesOnce(t *testing.T) {
	const reason = "|drained|slurm|2|999999|Low RealMemory (reported:24105 < 100.00% of configured:999999)\n"
	got := parseNodes(promised).cured("n3" + reason + "n2" + reason + "n3" + reason)
	if want := []string{"n2", "n3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseNodes(t *testing.T) {
	p := parseNodes(promised)
	if p.stateDir != "/shared/slurm" {
		t.Errorf("state folder %q", p.stateDir)
	}
	if got, want := p.nodes["n9"], (nodePromise{2, 22899, 2}); got != want {
		t.Errorf("n9 = %+v, want %+v", got, want)
	}
	if got, want := p.nodes["c1"], (nodePromise{16, 1000, 0}); got != want {
		t.Errorf("c1 = %+v, want %+v", got, want)
	}
}
