package run

import (
	"strings"

	"muster/inventory/hostlist"
	"muster/playbooks/event"
)

// unbound are the hosts whose configuration could not be evaluated.
type unbound []hostError

// hostError is a host and what is wrong with its configuration.
type hostError struct {
	node *node
	err  error
}

// Error tells each cause once, with all the hosts that have it.
func (u unbound) Error() string {
	var texts []string
	hosts := map[string][]string{}
	for _, e := range u {
		text := strings.TrimPrefix(e.err.Error(), e.node.name+": ")
		if hosts[text] == nil {
			texts = append(texts, text)
		}
		hosts[text] = append(hosts[text], e.node.name)
	}
	for i, text := range texts {
		texts[i] = hostlist.Fold(hosts[text]) + ": " + text
	}
	return strings.Join(texts, "\n")
}

// Unwrap gives the errors of all hosts.
func (u unbound) Unwrap() []error {
	out := make([]error, len(u))
	for i, e := range u {
		out[i] = e.err
	}
	return out
}

// refuse ends a host that was not touched, because of its configuration.
func (n *node) refuse(err error) {
	n.part(false)
	n.end(event.Failed, strings.TrimPrefix(err.Error(), n.name+": "))
}
