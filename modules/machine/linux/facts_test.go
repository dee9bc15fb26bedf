package linux

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"muster/modules/machine"
)

// dgx is embedded because the compiled test also runs on nodes, alone.
//
//go:embed testdata/dgx.txtar
var dgx []byte

// unpack writes a tree of files.
func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range txtar.Parse(archive).Files {
		name := filepath.Join(root, f.Name)
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, f.Data, 0o644))
	}
	return root
}

func TestFacts(t *testing.T) {
	got, err := Facts(unpack(t, dgx))
	must(t, err)
	want := machine.Facts{
		Hostname: "dgx07", OS: "ubuntu", OSVer: "24.04", Codename: "noble", Kernel: "6.8.0-1013-nvidia",
		BootID: "3f0c7b0e-0000-4000-8000-000000000001",
		CPUs:   7, Sockets: 2, Cores: 2, Threads: 1, MemoryMB: 2063749,
		Disks: []machine.Disk{{Name: "nvme0n1", SizeGB: 1920, Model: "SAMSUNG MZ_R _TM_ 1.9T"}},
		NICs:  []machine.NIC{{Name: "eno1", MAC: "a0:88:c2:00:00:07"}},
		GPUs: []machine.PCI{{Address: "0000:1b:00.0", Vendor: "10de", Device: "2330", Class: "030200"},
			{Address: "0000:43:00.0", Vendor: "10de", Device: "2330", Class: "030200"}},
		HCAs: []machine.PCI{{Address: "0000:18:00.0", Vendor: "15b3", Device: "1021", Class: "020700"},
			{Address: "0000:29:00.0", Vendor: "15b3", Device: "1021", Class: "020000"}},
		Cgroup: "v2",
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(machine.Facts{}, "Arch", "Clock")); diff != "" {
		t.Error(diff)
	}
}

// TestFactsExtra: a lab's faked devices lie beside the node's real ones.
func TestFactsExtra(t *testing.T) {
	got, err := Facts(t.TempDir(), unpack(t, dgx))
	must(t, err)
	if len(got.GPUs) != 2 || len(got.HCAs) != 2 || got.Cgroup != "v1" || got.CPUs == 0 {
		t.Errorf("%+v", got)
	}
}

func TestFactsHere(t *testing.T) {
	got, err := Facts("/")
	must(t, err)
	if got.MemoryMB == 0 || got.CPUs == 0 || got.Kernel == "" || got.OS == "" || got.BootID == "" ||
		got.CPUs < got.Sockets*got.Cores {
		t.Errorf("%+v", got)
	}
}

func TestParseMounts(t *testing.T) {
	got := parseMounts("36 35 98:0 /m /a\\040b rw,nosuid,relatime shared:1 - ext4 /dev/x rw\nshort line\n37 35 0:1 / /p ro - proc proc rw\n")
	if len(got) != 2 || got[0].path != "/a b" || got[1].flags != mountFlags["ro"] ||
		got[0].flags != mountFlags["nosuid"]|mountFlags["relatime"] {
		t.Errorf("%+v", got)
	}
}

func TestUnitWord(t *testing.T) {
	if got := unitWord("slurm_node[a-b]@dgx07/"+strings.Repeat("x", 300), 30); got != "slurm_node_a_b__dgx07_xxxxxxxx" {
		t.Error(got)
	}
}
