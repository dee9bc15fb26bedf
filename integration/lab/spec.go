package lab

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// maxNodes is what one lab holds: its network is a /24, and the addresses
// below firstHost stay free.
const maxNodes = 200

// validNode is a host name in one label, as RFC 1123 allows it.
var validNode = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// validGroup is what the inventory takes as a group name.
var validGroup = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

var nodeRange = regexp.MustCompile(`^(.*)\[(\d+)-(\d+)\](.*)$`)

// ParseNodes reads node specifications as written on a command line:
// `node[01-03]:slurm_node,gpu` is three nodes in two groups.
func ParseNodes(texts []string) ([]NodeSpec, error) {
	specs := []NodeSpec{}
	for _, text := range texts {
		name, groups, _ := strings.Cut(text, ":")
		specs = append(specs, NodeSpec{Name: name, Groups: splitGroups(groups)})
	}
	return expand(specs)
}

// expand turns ranges into single nodes, checks every name and sorts.
func expand(specs []NodeSpec) ([]NodeSpec, error) {
	nodes, seen := []NodeSpec{}, map[string]bool{}
	for _, spec := range specs {
		names, err := expandName(spec.Name)
		if err != nil {
			return nil, err
		}
		groups, err := checkGroups(spec)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if seen[name] {
				return nil, fmt.Errorf("node %s: named twice", name)
			}
			seen[name] = true
			nodes = append(nodes, NodeSpec{Name: name, Groups: groups})
		}
	}
	if len(nodes) == 0 || len(nodes) > maxNodes {
		return nil, fmt.Errorf("lab of %d nodes: a lab has 1 to %d", len(nodes), maxNodes)
	}
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Name < nodes[j].Name })
	return nodes, nil
}

func checkGroups(spec NodeSpec) ([]string, error) {
	groups := slices.Clone(spec.Groups)
	slices.Sort(groups)
	for _, group := range groups {
		if !validGroup.MatchString(group) {
			return nil, fmt.Errorf("node %s: group %q: use letters, digits, _ . and -", spec.Name, group)
		}
	}
	return slices.Compact(groups), nil
}

// expandName turns node[01-03] into node01, node02, node03.
func expandName(text string) ([]string, error) {
	names := []string{text}
	if part := nodeRange.FindStringSubmatch(text); part != nil {
		low, errLow := strconv.Atoi(part[2])
		high, errHigh := strconv.Atoi(part[3])
		if errLow != nil || errHigh != nil || high < low || high-low >= maxNodes {
			return nil, fmt.Errorf("node %q: range: at most %d nodes, lowest first", text, maxNodes)
		}
		names = names[:0]
		for i := low; i <= high; i++ {
			names = append(names, fmt.Sprintf("%s%0*d%s", part[1], len(part[2]), i, part[4]))
		}
	}
	for _, name := range names {
		if !validNode.MatchString(name) {
			return nil, fmt.Errorf("node %q: name: use lower-case letters, digits and dashes, or a range like node[01-03]", name)
		}
	}
	return names, nil
}
