package library_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/inventory"
	"muster/modules"
	"muster/modules/all"
	"muster/modules/machine"
	"muster/modules/slurmcontroller"
	"muster/modules/slurmnode"
	"muster/playbooks"
	"muster/playbooks/program"
)

const secrets = `
secret "munge_key" {
  env = "TEST_MUNGE_KEY"
}
secret "slurm_db_password" {
  env = "TEST_DB_PASSWORD"
}
`

// The smallest cluster, and one that has every optional group.
const (
	small = `
cluster "small" {}
host "ctl01" {
  address = "10.0.0.1"
  groups  = ["slurm_controller"]
}
hosts "node[01-03]" {
  address = "10.0.1.[1-3]"
  groups  = ["slurm_node"]
}` + secrets
	large = `
cluster "large" {}
host "ctl01" {
  address = "10.0.0.1"
  groups  = ["slurm_controller"]
}
host "db01" {
  address = "10.0.0.2"
  groups  = ["slurm_database"]
}
hosts "login[1-2]" {
  address = "10.0.0.[11-12]"
  groups  = ["login"]
}
hosts "dgx[01-02]" {
  address = "10.0.1.[1-2]"
  groups  = ["slurm_node"]
}` + secrets
)

func compile(t *testing.T, text string, vars map[string]string) *program.Program {
	t.Helper()
	t.Setenv("TEST_MUNGE_KEY", strings.Repeat("k", 128))
	t.Setenv("TEST_DB_PASSWORD", "correct-horse")
	path := filepath.Join(t.TempDir(), "inventory.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, diags := inventory.Load(path, inventory.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	store, err := inventory.OpenSecrets(inv, "")
	if err != nil {
		t.Fatal(err)
	}
	src, err := playbooks.Find("slurm-cluster")
	if err != nil {
		t.Fatal(err)
	}
	p, diags := playbooks.Compile(inv, src, playbooks.Options{Modules: all.Modules(), Secrets: store, Vars: vars})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}

// order lists the vertices of a host as they run.
func order(p *program.Program, host string) string {
	var out []string
	for v, x := range p.Vertices {
		if p.Hosts[x.Host].Name == host {
			out = append(out, strings.TrimSuffix(p.Name(int32(v)), "@"+host))
		}
	}
	return strings.Join(out, " ")
}

func TestSlurmClusterSteps(t *testing.T) {
	tests := []struct{ name, inventory, host, want string }{
		{"controller keeps the database", small, "ctl01",
			"hostname[self] hosts_file[cluster] munge[key] mariadb[accounting] slurm_database[accounting] slurm_controller[main]"},
		{"compute node", small, "node02", "hostname[self] hosts_file[cluster] munge[key] package[node] slurm_node[compute]"},
		{"controller without the database", large, "ctl01", "hostname[self] hosts_file[cluster] munge[key] slurm_controller[main]"},
		{"database host", large, "db01", "hostname[self] hosts_file[cluster] munge[key] mariadb[accounting] slurm_database[accounting]"},
		{"login node", large, "login1", "hostname[self] hosts_file[cluster] munge[key] slurm_client[login]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := order(compile(t, tt.inventory, nil), tt.host); got != tt.want {
				t.Errorf("steps of %s:\n got %s\nwant %s", tt.host, got, tt.want)
			}
		})
	}
}

// config binds a host's steps and decodes the one of a module.
func config(t *testing.T, p *program.Program, host string, m modules.Module) modules.Config {
	t.Helper()
	facts := map[string]machine.Facts{}
	for _, h := range p.Hosts {
		facts[h.Name] = machine.Facts{Hostname: h.Name, OS: "debian", CPUs: 2, Sockets: 1, Cores: 2, Threads: 1, MemoryMB: 4000, Cgroup: "v2"}
	}
	for i, h := range p.Hosts {
		if h.Name != host {
			continue
		}
		requests, err := p.Bind.Requests(int32(i), facts)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests {
			if p.Steps[p.Vertices[r.Vertex].Step].Module != m.Name {
				continue
			}
			c, err := modules.Decode(m, r.Config)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	t.Fatalf("%s has no step of %s", host, m.Name)
	return nil
}

func TestSlurmClusterConfigs(t *testing.T) {
	p := compile(t, large, map[string]string{"partitions": `{gpu = "Nodes=dgx01 MaxTime=60"}`, "cluster_name": "big"})
	ctl := config(t, p, "ctl01", slurmcontroller.Module).(*slurmcontroller.Config)
	files, err := ctl.Render()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ClusterName=big\n", "SlurmctldHost=ctl01(10.0.0.1)\n", "AccountingStorageHost=10.0.0.2\n",
		"NodeName=dgx[01-02] NodeAddr=10.0.1.[1-2] Sockets=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=3800 State=UNKNOWN\n",
		"PartitionName=gpu Nodes=dgx01 Default=YES MaxTime=60 State=UP\n",
	} {
		if !strings.Contains(files.Slurm, want) {
			t.Errorf("slurm.conf has no line %q:\n%s", want, files.Slurm)
		}
	}
	node := config(t, p, "dgx02", slurmnode.Module).(*slurmnode.Config)
	if node.Name != "dgx02" || len(node.Nodes) != 0 {
		t.Errorf("a configless node gets its own name and not the others: %q, %d nodes", node.Name, len(node.Nodes))
	}
	if node.Restart() != ctl.Restart() {
		t.Errorf("node and controller disagree on what needs a restart:\n%s\n%s", node.Restart(), ctl.Restart())
	}
}

func TestSlurmClusterFiles(t *testing.T) {
	p := compile(t, small, map[string]string{"config": "files"})
	ctl := config(t, p, "ctl01", slurmcontroller.Module).(*slurmcontroller.Config)
	node := config(t, p, "node01", slurmnode.Module).(*slurmnode.Config)
	a, errA := ctl.Render()
	b, errB := node.Render()
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if a.Slurm != b.Slurm || a.Cgroup != b.Cgroup || a.Gres != b.Gres {
		t.Errorf("controller and node render different files:\n%s\n%s", a.Slurm, b.Slurm)
	}
}
