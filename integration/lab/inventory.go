package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// inventoryMark is the first line of an inventory that a lab owns.
const inventoryMark = "# Made by `muster lab up`; `muster lab down` removes it."

func ownInventory(text string) bool { return strings.HasPrefix(text, inventoryMark) }

// writeFiles writes known_hosts, ssh_config and, last, the inventory.
func (l *Lab) writeFiles(ctx context.Context, nodes []Node) error {
	var known strings.Builder
	for _, node := range nodes {
		keys, err := l.hostKeys(ctx, node)
		if err != nil {
			return err
		}
		known.WriteString(keys)
	}
	if err := writeFile(l.Dir, FileKnownHosts, known.String(), 0o644); err != nil {
		return err
	}
	if err := writeFile(l.Dir, FileSSHConfig, sshConfigText(l.Dir, nodes), 0o644); err != nil {
		return err
	}
	return writeFile(l.Dir, FileInventory, inventoryText(l.Name, l.Dir, sshPort, nodes), 0o644)
}

// hostKeys reads a node's host keys inside the node, so that nothing is taken on
// trust over the network, as lines of known_hosts.
func (l *Lab) hostKeys(ctx context.Context, node Node) (string, error) {
	out, err := l.Exec(ctx, node.Name, "sh", "-c", "cat /etc/ssh/ssh_host_*_key.pub")
	if err != nil {
		return "", fmt.Errorf("node %s: host keys: %w", node.Name, err)
	}
	var lines strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		field := strings.Fields(line)
		if len(field) < 2 {
			return "", fmt.Errorf("node %s: host keys: unexpected line %q", node.Name, line)
		}
		fmt.Fprintln(&lines, node.Address, field[0], field[1])
	}
	return lines.String(), nil
}

// inventorySecrets are what the playbook slurm-cluster asks of an inventory. muster
// makes them at the first apply.
const inventorySecrets = `
secret "munge_key" {
  generate = 128
}

secret "slurm_db_password" {
  generate = 24
  encoding = "hex"
}
`

// sshPort is where sshd listens, and the inventory's own default.
const sshPort = 22

// inventoryText is the inventory that reaches the nodes; the same nodes give the
// same text.
func inventoryText(lab, dir string, port int, nodes []Node) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\ncluster %s {\n}\n", inventoryMark, quote(lab))
	fmt.Fprintf(&out, "\nconnection {\n  user        = \"admin\"\n  become      = true\n  identity    = %s\n  known_hosts = %s\n",
		quote(filepath.Join(dir, FileKey)), quote(filepath.Join(dir, FileKnownHosts)))
	if port != sshPort {
		fmt.Fprintf(&out, "  port        = %d\n", port)
	}
	out.WriteString("}\n")
	for _, node := range nodes {
		groups := make([]string, len(node.Groups))
		for i, group := range node.Groups {
			groups[i] = quote(group)
		}
		fmt.Fprintf(&out, "\nhost %s {\n  address = %s\n  groups  = [%s]\n}\n",
			quote(node.Name), quote(node.Address), strings.Join(groups, ", "))
	}
	out.WriteString(inventorySecrets)
	return out.String()
}

// sshConfigText lets a person say `ssh -F ssh_config NODE`.
func sshConfigText(dir string, nodes []Node) string {
	var out strings.Builder
	for _, node := range nodes {
		fmt.Fprintf(&out, "Host %s\n  HostName %s\n", node.Name, node.Address)
	}
	fmt.Fprintf(&out, "Host *\n  User admin\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  StrictHostKeyChecking yes\n",
		strconv.Quote(filepath.Join(dir, FileKey)), strconv.Quote(filepath.Join(dir, FileKnownHosts)))
	return out.String()
}

// quote writes an HCL string. Only a path can hold what HCL would evaluate.
func quote(text string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(text))
}
