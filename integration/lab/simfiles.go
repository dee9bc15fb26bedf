package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"muster/integration/lab/sim"
)

// simNodes names n simulated nodes: the first is the controller.
func simNodes(n int) []Node {
	nodes := []Node{{Name: "ctl01", Address: sim.Address(0), Groups: []string{"slurm_controller"}}}
	width := max(2, len(fmt.Sprint(n-1)))
	for i := 1; i < n; i++ {
		nodes = append(nodes, Node{Name: fmt.Sprintf("node%0*d", width, i), Address: sim.Address(i), Groups: []string{"slurm_node"}})
	}
	return nodes
}

// StartFleet starts a simulated lab's nodes in this process and writes the files
// that reach them, the inventory last: it marks a lab that is complete. Close of the
// fleet leaves the files.
func StartFleet(o SimOptions) (*sim.Fleet, error) {
	dir, err := o.check()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name, nodes := o.Name, simNodes(o.Nodes)
	keys, err := ensureAccess(name, dir)
	if err != nil {
		return nil, err
	}
	client, _, _, _, err := ssh.ParseAuthorizedKey([]byte(keys.authorized))
	if err != nil {
		return nil, fmt.Errorf("lab %s: key: %w", name, err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("lab %s: host key: %w", name, err)
	}
	host, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, fmt.Errorf("lab %s: host key: %w", name, err)
	}
	agents := filepath.Join(dir, simAgents)
	if err := os.RemoveAll(agents); err != nil { // of nodes whose state is gone
		return nil, fmt.Errorf("lab %s: %w", name, err)
	}
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name
	}
	fleet, err := sim.Start(sim.Options{Names: names, Dir: agents, HostKey: host, Client: client, Evil: o.Evil})
	if err != nil {
		return nil, fmt.Errorf("lab %s: %w", name, err)
	}
	if err := writeSimFiles(name, dir, nodes, fleet.Port, host.PublicKey()); err != nil {
		fleet.Close()
		return nil, fmt.Errorf("lab %s: %w", name, err)
	}
	return fleet, nil
}

func writeSimFiles(name, dir string, nodes []Node, port int, host ssh.PublicKey) error {
	var known strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&known, "[%s]:%d %s", n.Address, port, ssh.MarshalAuthorizedKey(host))
	}
	if err := writeFile(dir, FileKnownHosts, known.String(), 0o644); err != nil {
		return err
	}
	return writeFile(dir, FileInventory, inventoryText(name, dir, port, nodes), 0o644)
}
