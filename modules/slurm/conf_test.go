package slurm

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster/modules"
	"muster/modules/machine"
)

var update = flag.Bool("update", false, "write the golden files")

func gpus(n int, device string) []machine.PCI {
	return slices.Repeat([]machine.PCI{{Vendor: nvidia, Device: device, Class: "030200"}}, n)
}

func h100(cgroup string) *machine.Facts {
	return &machine.Facts{CPUs: 224, Sockets: 2, Cores: 56, Threads: 2, MemoryMB: 2063837, GPUs: gpus(8, "2330"), Cgroup: cgroup}
}

func hosts(format, address string, n int, facts *machine.Facts) []modules.Host {
	var out []modules.Host
	for i := 1; i <= n; i++ {
		out = append(out, modules.Host{Name: fmt.Sprintf(format, i), Address: fmt.Sprintf(address, i), Facts: facts})
	}
	return out
}

func lab() Cluster {
	c := Defaults()
	c.ClusterName = "lab"
	c.Controllers = []modules.Host{{Name: "ctl01", Address: "10.0.0.11"}}
	c.Database = c.Controllers
	c.Nodes = hosts("node%02d", "10.0.1.%d", 4, &machine.Facts{CPUs: 2, Sockets: 1, Cores: 2, Threads: 1, MemoryMB: 24105, Cgroup: "hybrid"})
	return c
}

func mixed() Cluster {
	c := lab()
	c.Controllers = append(c.Controllers, modules.Host{Name: "ctl02.example.com", Address: "10.0.0.12"})
	c.Database = []modules.Host{{Name: "db01", Address: "db01.example.com"}}
	c.Options = map[string]string{
		"StateSaveLocation": "/shared/slurm", "slurmctldparameters": "node_reg_mem_percent=95",
		"mailprog": "", "Epilog": "/etc/slurm/epilog.sh", "RebootProgram": "/usr/sbin/reboot -f",
	}
	dgx := hosts("dgx%d", "10.0.2.%d", 3, h100("v2"))
	dgx[1].Vars = map[string]string{"gpus": "7", "features": "h100,rack2"}
	offline := &machine.Facts{CPUs: 190, Sockets: 2, Cores: 48, Threads: 2, MemoryMB: 500000}
	c.Nodes = slices.Concat(dgx, []modules.Host{
		{Name: "cpu10", Address: "10.0.3.10", Facts: offline},
		{Name: "cpu9", Address: "10.0.3.9", Facts: offline, Vars: map[string]string{"real_memory": "400000"}},
		{Name: "old1", Address: "10.0.4.1", Vars: map[string]string{"cpus": "16", "memory_mb": "64000"}},
		{Name: "dead1", Address: "10.0.4.2"},
	})
	c.Partitions = []Partition{
		{Name: "gpu", Nodes: dgx, MaxTime: "2-00:00:00", DefaultTime: "60", Options: map[string]string{"DefCpuPerGPU": "14"}},
		{Name: "cpu", Nodes: c.Nodes[3:], Default: true},
		{Name: "gone", Nodes: c.Nodes[6:], State: "DOWN"},
	}
	c.MorePartitions = map[string]string{"debug": "Nodes=dgx[1-2] MaxTime=30 PriorityTier=10", "all": ""}
	return c
}

func superpod() Cluster {
	c := lab()
	c.Nodes = hosts("dgx%03d", "10.1.0.%d", 32, h100("v2"))
	c.GPUAutodetect = "nvml"
	return c
}

func TestRender(t *testing.T) {
	noCgroup := lab()
	noCgroup.CgroupPlugin, noCgroup.Database = "disabled", nil
	for name, c := range map[string]Cluster{"lab": lab(), "mixed": mixed(), "superpod": superpod(), "disabled": noCgroup} {
		t.Run(name, func(t *testing.T) {
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			f, err := c.Render()
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join([]string{f.Slurm, f.Gres, f.Cgroup, c.Restart()}, "\n-----\n")
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("golden differs (-want +got):\n%s", d)
			}
		})
	}
}

// Rendering depends on neither the order of hosts nor on what Trim drops.
func TestRenderIsStable(t *testing.T) {
	want, err := func() (Files, error) { c := mixed(); return c.Render() }()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := mixed()
		c.Nodes = rapid.Permutation(c.Nodes).Draw(t, "nodes")
		if rapid.Bool().Draw(t, "trimmed") {
			c.Trim()
		}
		got, err := c.Render()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestTrimLeavesTheOriginal(t *testing.T) {
	c := mixed()
	nodes := c.Nodes
	c.Trim()
	if nodes[0].Facts.GPUs[0].Class == "" || c.Nodes[0].Facts.GPUs[0].Class != "" {
		t.Error("Trim has to drop the class of a GPU in its own copy alone")
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Cluster)
		want string
	}{
		{"cluster name", func(c *Cluster) { c.ClusterName = "Lab" }, "cluster_name:"},
		{"no controller", func(c *Cluster) { c.Controllers = nil }, "controllers: there has to be one"},
		{"several controllers without shared state", func(c *Cluster) { c.Controllers = hosts("c%d", "10.0.0.%d", 2, nil) }, "StateSaveLocation"},
		{"short names", func(c *Cluster) {
			c.Nodes = []modules.Host{{Name: "n1.a", Address: "10.0.0.1"}, {Name: "n1.b", Address: "10.0.0.2"}}
		}, "same short name n1"},
		{"address", func(c *Cluster) { c.Nodes[0].Address = "10.0.0.1 Gres=gpu:9" }, "cannot be an address"},
		{"variable", func(c *Cluster) { c.Nodes[0].Vars = map[string]string{"features": "a b"} }, "variable features"},
		{"option of its own", func(c *Cluster) { c.Options = map[string]string{"clustername": "x"} }, "use the argument cluster_name"},
		{"option with two lines", func(c *Cluster) { c.Options = map[string]string{"Epilog": "a\nNodeName=x"} }, "one line"},
		{"option twice", func(c *Cluster) { c.Options = map[string]string{"Epilog": "a", "epilog": "b"} }, "different spelling"},
		{"partition of strangers", func(c *Cluster) {
			c.Partitions = []Partition{{Name: "p", Nodes: []modules.Host{{Name: "other"}}}}
		}, "other is not among the nodes"},
		{"partition data of strangers", func(c *Cluster) { c.MorePartitions = map[string]string{"p": "Nodes=node[01-09]"} }, "node05 is not among the nodes"},
		{"partition data without a value", func(c *Cluster) { c.MorePartitions = map[string]string{"p": "Hidden"} }, "not Key=value"},
		{"two defaults", func(c *Cluster) { c.Partitions = []Partition{{Name: "a", Default: true}, {Name: "b", Default: true}} }, "one can be"},
		{"partition twice", func(c *Cluster) {
			c.Partitions, c.MorePartitions = []Partition{{Name: "a"}}, map[string]string{"a": ""}
		}, "twice"},
		{"time", func(c *Cluster) { c.Partitions = []Partition{{Name: "a", MaxTime: "1 day"}} }, "partition.max_time"},
		{"plugin", func(c *Cluster) { c.CgroupPlugin = "v1" }, "cgroup_plugin"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := lab()
			tt.edit(&c)
			if err := c.Check(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check() = %v, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestRenderWithoutSizes(t *testing.T) {
	c := lab()
	for i := range c.Nodes {
		c.Nodes[i].Facts = nil
	}
	if _, err := c.Render(); err == nil || !strings.Contains(err.Error(), "no node has a known size") {
		t.Errorf("Render() = %v", err)
	}
}

// What needs a restart is known without the nodes, and changes with the keys
// that need it alone.
func TestRestart(t *testing.T) {
	c, bare := lab(), lab()
	bare.Nodes = nil
	if c.Restart() != bare.Restart() {
		t.Errorf("depends on the nodes:\n%s\n%s", c.Restart(), bare.Restart())
	}
	for key, restarts := range map[string]bool{"SlurmctldPort": true, "authtype": true, "SelectType": true, "SchedulerType": false, "MaxJobCount": false} {
		o := lab()
		o.Options = map[string]string{key: "x"}
		if got := o.Restart() != c.Restart(); got != restarts {
			t.Errorf("%s: restarts = %v, want %v", key, got, restarts)
		}
	}
}
