package sim

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/machine/plan"
	"muster/modules/mariadb"
	"muster/modules/slurm"
	"muster/transport/wire"
)

func key(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// dial logs in to a node with a key.
func dial(f *Fleet, place int, host, client ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", net.JoinHostPort(Address(place), strconv.Itoa(f.Port)), &ssh.ClientConfig{User: "admin",
		Auth: []ssh.AuthMethod{ssh.PublicKeys(client)}, HostKeyCallback: ssh.FixedHostKey(host.PublicKey()), Timeout: 5 * time.Second})
}

// TestFleet: the lab's key gets in and no other; there is no shell; a node can be
// closed by itself.
func TestFleet(t *testing.T) {
	host, client := key(t), key(t)
	f, err := Start(Options{Names: []string{"ctl01", "node01"}, Dir: t.TempDir(), HostKey: host, Client: client.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := dial(f, 0, host, key(t)); err == nil {
		t.Error("a foreign key got in")
	}
	c, err := dial(f, 1, host, client)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.CombinedOutput("hostname"); err == nil || !strings.Contains(string(out), "simulated node node01: ") || !strings.Contains(string(out), "no shell") {
		t.Errorf("a shell command: %v, %q", err, out)
	}
	if f.CloseNode("node02") || !f.CloseNode("node01") {
		t.Error("CloseNode does not know the nodes' names")
	}
	if err := c.Wait(); err == nil {
		t.Error("the connection to a closed node ended in order")
	}
	if _, err := dial(f, 1, host, client); err == nil {
		t.Error("a closed node answers")
	}
	if c, err := dial(f, 0, host, client); err != nil {
		t.Errorf("the other node: %v", err)
	} else {
		_ = c.Close()
	}
}

// TestDatabase: what the mariadb tables write they read back, on a node whose server runs.
func TestDatabase(t *testing.T) {
	n := newNode("ctl01", t.TempDir())
	for _, it := range brought["mariadb-server"] {
		n.Seed(it.Ref, it.Want)
	}
	n.Seed(machine.Ref{Table: "unit", Key: mariadb.Unit}, machine.State{"running": machine.Bool(true), "enabled": machine.Bool(true)})
	want := func(password string) []machine.Item {
		return []machine.Item{mariadb.DatabaseItem("acct"),
			mariadb.UserItem("slurm@localhost", modules.Secret{Name: "p", Bytes: []byte(password)}, "acct")}
	}
	for _, c := range []struct {
		password string
		changes  int
	}{{"correct-horse", 2}, {"correct-horse", 0}, {"battery-staple", 1}} {
		if got := ensure(t, n, want(c.password)); got != c.changes {
			t.Errorf("%s: %d changes, not %d", c.password, got, c.changes)
		}
	}
	err := n.data.change("GRANT ALL PRIVILEGES ON `acct`.* TO 'nobody'@'localhost';\n")
	if err == nil {
		t.Error("an account that does not exist got a grant")
	}
	if err := n.data.change("DROP DATABASE acct /* hunter2 */;\n"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a statement without fixture: %v", err)
	}
}

// ensure applies items and returns how many changes that took.
func ensure(t *testing.T, n *node, items []machine.Item) int {
	t.Helper()
	step := plan.Step{ID: 1, Name: "step", Reads: [][]string{mariadb.Reads}, Ensure: setter(items)}
	tables := map[string]machine.Table{}
	for _, table := range []machine.Table{mariadb.DatabaseTable{}, mariadb.UserTable{}} {
		tables[table.Name()] = table
	}
	p := plan.New(n, tables, []plan.Step{step})
	if err := p.Plan(t.Context())[0].Err; err != nil {
		t.Fatal(err)
	}
	changes, err := p.Do(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	return len(changes)
}

// TestFixtures: what has none fails, and names its argv.
func TestFixtures(t *testing.T) {
	n := newNode("ctl01", t.TempDir())
	for _, c := range []struct {
		argv    []string
		reading bool
		err     string
	}{
		{slurm.StateReads, true, ""},
		{append(slices.Clone(slurm.StateReads), "--all"), true, "--all"},
		{append(slices.Clone(mariadb.Reads), "--execute=SELECT 1"), true, "SELECT 1"},
		{[]string{"scontrol", "show", "config"}, true, `query ["scontrol" "show" "config"]`},
		{[]string{"mariadb", "--show-warnings", "--batch"}, true, "query"},
		{[]string{"reboot"}, false, `program ["reboot"]`},
	} {
		_, err := n.Exec(t.Context(), machine.Run{Argv: c.argv}, c.reading)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v", c.argv, err)
		}
	}
}

// TestLock: plans share a node, an apply has it alone.
func TestLock(t *testing.T) {
	n := newNode("node01", t.TempDir())
	take := func(run string, mode wire.Mode) func() {
		t.Helper()
		release, held, err := n.lock(wire.Holder{Run: run, Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		if held != nil {
			return nil
		}
		return release
	}
	a, b := take("a", wire.Plan), take("b", wire.Plan)
	if a == nil || b == nil || take("c", wire.Apply) != nil {
		t.Fatal("two plans do not share the node, or an apply came between")
	}
	a()
	if take("c", wire.Apply) != nil {
		t.Fatal("an apply came beside a plan")
	}
	b()
	c := take("c", wire.Apply)
	if c == nil || take("d", wire.Apply) != nil || take("e", wire.Plan) != nil {
		t.Fatal("an apply does not have the node alone")
	}
	c()
	if take("e", wire.Plan) == nil {
		t.Error("the lock was not released")
	}
}

func setter(items []machine.Item) func(context.Context, machine.Machine) error {
	return func(ctx context.Context, m machine.Machine) error { return m.Set(ctx, items...) }
}
