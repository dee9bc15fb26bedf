package slurm

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"muster/inventory/hostlist"
	"muster/modules"
)

// timePattern is how SLURM writes a time limit: minutes, hours and days.
var timePattern = regexp.MustCompile(`^(INFINITE|UNLIMITED|([0-9]+-)?[0-9]+(:[0-9]+){0,2})$`)

var partitionPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// checkPartitions holds the partitions to the nodes that there are: slurmctld
// does not start with an unknown one.
func (c *Cluster) checkPartitions() error {
	known, seen := map[string]bool{}, map[string]bool{}
	for _, h := range c.Nodes {
		known[h.Name], known[Short(h.Name)] = true, true
	}
	defaults := 0
	for _, p := range c.allPartitions() {
		if !partitionPattern.MatchString(p.Name) || strings.EqualFold(p.Name, "default") {
			return modules.BadArg("partition", "%q cannot be a partition's name", p.Name)
		}
		if seen[p.Name] {
			return modules.BadArg("partition", "%q is there twice", p.Name)
		}
		seen[p.Name] = true
		if p.Default {
			defaults++
		}
		for _, h := range p.Nodes {
			if !known[h.Name] {
				return modules.BadArg("partition.nodes", "%s: %s is not among the nodes", p.Name, h.Name)
			}
		}
		if err := p.check(); err != nil {
			return err
		}
	}
	if defaults > 1 {
		return modules.BadArg("partition.default", "%d partitions are the default, one can be", defaults)
	}
	for name, rest := range c.MorePartitions {
		if _, _, err := splitPartition(rest, known); err != nil {
			return modules.BadArg("partitions", "%s: %v", name, err)
		}
	}
	return nil
}

func (p Partition) check() error {
	for arg, v := range map[string]string{"partition.max_time": p.MaxTime, "partition.default_time": p.DefaultTime} {
		if v != "" && !timePattern.MatchString(v) {
			return modules.BadArg(arg, "%q: write minutes, hours:minutes:seconds, days-hours:minutes:seconds or INFINITE", v)
		}
	}
	for k, v := range p.Options {
		if !keyPattern.MatchString(k) || strings.ContainsAny(v, " \t\r\n#") {
			return modules.BadArg("partition.options", "%s=%s is no option of a partition", k, v)
		}
		if slices.Contains([]string{"nodes", "default", "partitionname", "maxtime", "defaulttime", "state"}, strings.ToLower(k)) {
			return modules.BadArg("partition.options", "%s: there is an argument for it", k)
		}
	}
	if p.State != "" {
		return modules.CheckOneOf("partition.state", p.State, "UP", "DOWN", "DRAIN", "INACTIVE")
	}
	return nil
}

// allPartitions are the blocks, then those given as data by name; one with all
// nodes where there is none at all.
func (c *Cluster) allPartitions() []Partition {
	out := slices.Clone(c.Partitions)
	for _, name := range slices.Sorted(maps.Keys(c.MorePartitions)) {
		out = append(out, Partition{Name: name})
	}
	if len(out) == 0 {
		out = append(out, Partition{Name: "batch"})
	}
	return out
}

// partitionLines leaves out nodes whose sizes are not known: slurm.conf has no
// line for them yet.
func (c *Cluster) partitionLines(n nodes) []string {
	list := c.allPartitions()
	chosen := slices.ContainsFunc(list, func(p Partition) bool { return p.Default }) || c.saysDefault()
	var out []string
	for i, p := range list {
		names := n.names
		var rest []string
		if text, ok := c.MorePartitions[p.Name]; ok {
			in, more, _ := splitPartition(text, nil)
			names, rest = n.among(in), more
		} else if len(p.Nodes) > 0 {
			var in []string
			for _, h := range p.Nodes {
				in = append(in, Short(h.Name))
			}
			names = n.among(in)
		}
		if len(names) == 0 {
			out = append(out, "# "+p.Name+" is left out: none of its nodes has a line")
			continue
		}
		p.Default = p.Default || (i == 0 && !chosen)
		out = append(out, p.text(names, rest))
	}
	return out
}

func (c *Cluster) saysDefault() bool {
	for _, rest := range c.MorePartitions {
		if strings.Contains(strings.ToLower(rest), "default=yes") {
			return true
		}
	}
	return false
}

// among keeps those of the names that have a line, in natural order; all where
// none are named.
func (n nodes) among(in []string) []string {
	if len(in) == 0 {
		return n.names
	}
	return slices.DeleteFunc(slices.Clone(n.names), func(name string) bool { return !slices.Contains(in, name) })
}

func (p Partition) text(names, rest []string) string {
	out := []string{"PartitionName=" + p.Name, "Nodes=" + Fold(names)}
	if p.Default {
		out = append(out, "Default=YES")
	}
	for _, o := range []pair{{"MaxTime", p.MaxTime}, {"DefaultTime", p.DefaultTime}} {
		if o.value != "" {
			out = append(out, o.key+"="+o.value)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(p.Options)) {
		out = append(out, k+"="+p.Options[k])
	}
	out = append(out, rest...)
	if !slices.ContainsFunc(rest, func(w string) bool { return strings.HasPrefix(strings.ToLower(w), "state=") }) {
		out = append(out, "State="+stateOr(p.State))
	}
	return strings.Join(out, " ")
}

func stateOr(state string) string {
	if state == "" {
		return "UP"
	}
	return state
}

// splitPartition reads the rest of a PartitionName line: its node names and its
// other words. A name that is not in known (nil: any) is an error.
func splitPartition(rest string, known map[string]bool) (names, words []string, err error) {
	for _, w := range strings.Fields(rest) {
		k, v, ok := strings.Cut(w, "=")
		if !ok || !keyPattern.MatchString(k) || strings.ContainsAny(w, "#\"") {
			return nil, nil, fmt.Errorf("%q is not Key=value", w)
		}
		switch strings.ToLower(k) {
		case "partitionname":
			return nil, nil, fmt.Errorf("the name stands before it")
		case "nodes":
			if strings.EqualFold(v, "all") {
				continue
			}
			if names, err = hostlist.Expand(v); err != nil {
				return nil, nil, err
			}
		default:
			words = append(words, w)
		}
	}
	for _, name := range names {
		if known != nil && !known[name] {
			return nil, nil, fmt.Errorf("%s is not among the nodes", name)
		}
	}
	return names, words, nil
}
