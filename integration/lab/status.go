package lab

import (
	"context"
	"strings"
)

// NodeStatus is how one node is now.
type NodeStatus struct {
	Node
	System string // systemd's word: running, degraded, starting, …; "" if the container does not run
}

// Status reports every node of a lab, sorted by name; ErrNoLab if there is none.
func Status(ctx context.Context, name string) ([]NodeStatus, error) {
	lab, err := Open(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	list := make([]NodeStatus, len(lab.Nodes))
	for i, node := range lab.Nodes {
		list[i].Node = node
		if node.State != "running" {
			continue
		}
		// is-system-running exits 1 for every word but running; the word is the answer.
		word, _ := lab.Exec(ctx, node.Name, "systemctl", "is-system-running")
		list[i].System = strings.TrimSpace(word)
	}
	return list, nil
}
