package sim

import (
	"slices"
	"strings"
	"testing"

	"muster/modules/machine"
	"muster/modules/mariadb"
	"muster/modules/slurm"
)

// TestRecorded: every question that can be asked has a recorded answer, for the very
// program, and nodes answer with it, once for each node and each grant.
func TestRecorded(t *testing.T) {
	for _, q := range Questions() {
		if a, ok := recorded[q.Name]; !ok || !slices.Equal(a.Argv, q.Argv) || len(a.Stdout)+len(a.Stderr) == 0 {
			t.Errorf("%s: recorded is %+v", q.Name, a)
		}
	}
	n := newNode("ctl01", t.TempDir())
	n.Seed(machine.Ref{Table: "file", Key: slurm.ConfPath}, machine.State{"content": machine.Text("ClusterName=c\nNodeName=n[1-2] NodeAddr=n[1-2] RealMemory=100 State=UNKNOWN\nNodeName=m RealMemory=7\n")})
	res, err := n.Exec(t.Context(), machine.Run{Argv: slurm.StateReads}, true)
	if lines := strings.Split(res.Stdout, "\n"); err != nil || len(lines) != 4 || !strings.HasPrefix(lines[1], "n2|idle|") || !strings.Contains(lines[2], "|64|7|") {
		t.Errorf("nodes: %q, %v", res.Stdout, err)
	}
	if err := n.data.change("CREATE USER IF NOT EXISTS 'a'@'h' IDENTIFIED BY PASSWORD '*0';\nGRANT X TO 'a'@'h';\nGRANT Y TO 'a'@'h';\n"); err != nil {
		t.Fatal(err)
	}
	ask := func(statement string) machine.Result {
		res, err := n.Exec(t.Context(), machine.Run{Argv: append(slices.Clone(mariadb.Reads), "--execute="+statement)}, true)
		if err != nil || strings.ContainsAny(res.Stdout+res.Stderr, "{}") {
			t.Errorf("%s: %+v, %v", statement, res, err)
		}
		return res
	}
	if res := ask("SHOW GRANTS FOR 'a'@'h'"); strings.Count(res.Stdout, "\n") != 3 || !strings.Contains(res.Stdout, "GRANT Y TO `a`@`h`\n") {
		t.Errorf("grants: %q", res.Stdout)
	}
	if res := ask("SHOW GRANTS FOR 'b'@'h'"); res.Exit != 1 || !strings.Contains(res.Stderr, "ERROR 1141 ") {
		t.Errorf("no account: %+v", res)
	}
	if res := ask("SHOW CREATE DATABASE `d`"); res.Exit != 1 || !strings.Contains(res.Stderr, "ERROR 1049 ") {
		t.Errorf("no database: %+v", res)
	}
}

// TestOpenNode: a node that was closed comes back as it was.
func TestOpenNode(t *testing.T) {
	host, client := key(t), key(t)
	f, err := Start(Options{Names: []string{"ctl01", "node01"}, Dir: t.TempDir(), HostKey: host, Client: client.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.servers[1].Seed(machine.Ref{Table: "file", Key: "/kept"}, machine.State{"type": machine.Text("file")})
	if err := f.OpenNode("node01"); err != nil {
		t.Errorf("a node that is open: %v", err)
	}
	f.CloseNode("node01")
	if err := f.OpenNode("node01"); err != nil {
		t.Fatal(err)
	}
	c, err := dial(f, 1, host, client)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if f.servers[1].Dump()[machine.Ref{Table: "file", Key: "/kept"}] == nil {
		t.Error("its state is gone")
	}
	if f.OpenNode("node02") == nil {
		t.Error("a node that does not exist was opened")
	}
}
