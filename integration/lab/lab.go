// Package lab makes clusters of container nodes: systemd, sshd and a real package
// manager in each, one bridge network per lab, and the inventory that reaches them.
//
// A lab is known by what Docker keeps of it: every container and network carries
// the label muster.lab=NAME, so a lab can be removed by name alone, whatever
// became of the process that made it.
package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// Labels on everything that a lab makes.
const (
	labelLab    = "muster.lab"    // the lab's name
	labelNode   = "muster.node"   // the node's name
	labelIP     = "muster.ip"     // its address in the lab's network
	labelGroups = "muster.groups" // its groups, sorted, joined by commas
	labelImage  = "muster.image"  // the recipe it was made from
	labelDir    = "muster.dir"    // on the network: the lab's folder
)

// ErrNoLab is returned for a lab that does not exist.
var ErrNoLab = errors.New("no such lab")

// Options say what lab Up makes.
type Options struct {
	Name  string            // letters, digits and dashes, at most 32
	Nodes []NodeSpec        // at least one
	Dir   string            // where inventory and keys go; "" is ./.muster-lab/NAME
	Log   func(line string) // progress, one line each; may be nil
}

// NodeSpec asks for a node, or for several by a range such as node[01-03].
type NodeSpec struct {
	Name   string
	Groups []string // its groups in the inventory
}

// Lab is a running lab.
type Lab struct {
	Name  string
	Dir   string // absolute
	Nodes []Node // sorted by name
	log   func(string)
}

// Node is one container of a lab.
type Node struct {
	Name    string
	Address string // IPv4, stable over restarts
	Groups  []string
	Image   string // the recipe it was made from
	State   string // Docker's word when it was listed: running, paused, exited, …
}

// Names of the files that Up writes into a lab's folder.
const (
	FileInventory  = "inventory.hcl"
	FileKey        = "id_ed25519"       // reaches root, admin, pwadmin and alice
	FileKnownHosts = "known_hosts"      // the nodes' host keys, read inside the nodes
	FilePassword   = "pwadmin.password" // what sudo asks pwadmin for; no newline
	FileSSHConfig  = "ssh_config"       // for people: ssh -F ssh_config NODE
	filePublicKey  = FileKey + ".pub"   // as OpenSSH writes it
)

// Inventory is the path of the lab's inventory file.
func (l *Lab) Inventory() string { return filepath.Join(l.Dir, FileInventory) }

// Node finds a node by name.
func (l *Lab) Node(name string) (Node, bool) {
	for _, node := range l.Nodes {
		if node.Name == name {
			return node, true
		}
	}
	return Node{}, false
}

func (l *Lab) say(format string, args ...any) {
	if l.log != nil {
		l.log(fmt.Sprintf(format, args...))
	}
}

// objectName is the name of the lab's network, and the start of its containers' names.
func objectName(lab string) string { return "muster-" + lab }

func containerName(lab, node string) string { return objectName(lab) + "-" + node }

func labelOf(lab string) string { return labelLab + "=" + lab }

// validLab keeps names short enough for Docker and free of surprises in paths.
var validLab = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

func checkName(name string) error {
	if !validLab.MatchString(name) {
		return fmt.Errorf("lab %q: name: use lower-case letters, digits and dashes, at most 32", name)
	}
	return nil
}

// folder is the absolute path of a lab's folder, dir or the default.
func folder(name, dir string) (string, error) {
	if dir == "" {
		dir = DefaultDir(name)
	}
	return filepath.Abs(dir)
}

// DefaultDir is a lab's folder unless another is named, below the current one.
func DefaultDir(name string) string { return filepath.Join(".muster-lab", name) }

// Open attaches to a running lab by name. It finds the lab's folder itself and
// returns ErrNoLab if there is none.
func Open(ctx context.Context, name string, log func(string)) (*Lab, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if _, err := reachDaemon(ctx); err != nil {
		return nil, err
	}
	dir, err := docker(ctx, "network", "ls", "--filter", "label="+labelOf(name), "--format", `{{.Label "`+labelDir+`"}}`)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, fmt.Errorf("lab %s: %w", name, ErrNoLab)
	}
	lab := &Lab{Name: name, Dir: dir, log: log}
	lab.Nodes, err = listNodes(ctx, name)
	return lab, err
}

// listNodes reads the lab's nodes, running or not, from their labels.
func listNodes(ctx context.Context, name string) ([]Node, error) {
	lines, err := dockerLines(ctx, "ps", "-a", "--filter", "label="+labelOf(name), "--format", nodeFormat())
	if err != nil {
		return nil, err
	}
	nodes := []Node{}
	for _, line := range lines {
		field := strings.Split(line, "\t")
		if len(field) != 5 {
			return nil, fmt.Errorf("lab %s: docker ps: unexpected line %q", name, line)
		}
		nodes = append(nodes, Node{field[0], field[1], splitGroups(field[2]), field[3], field[4]})
	}
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Name < nodes[j].Name })
	return nodes, nil
}

func nodeFormat() string {
	fields := []string{}
	for _, label := range []string{labelNode, labelIP, labelGroups, labelImage} {
		fields = append(fields, `{{.Label "`+label+`"}}`)
	}
	return strings.Join(append(fields, "{{.State}}"), "\t")
}

func splitGroups(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}
