// Package hostsfile is the module `hosts_file`: the names of the cluster's nodes
// in /etc/hosts.
package hostsfile

import (
	"context"
	"net/netip"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `hosts_file`.
var Module = modules.Module{
	Name: "hosts_file",
	Doc: "Keeps the addresses and names of hosts in a marked block of /etc/hosts and leaves the rest of the file alone.\n\n" +
		"The names of these hosts are taken off lines for 127.0.1.1, where installers put a node's own name: daemons that look up their own name would listen on loopback. " +
		"A host whose address in the inventory is itself a name, or a loopback address, is left to the resolver.",
	Example: `step "hosts_file" "cluster" {
  on    = "all"
  hosts = hosts("all")
}`,
	New: func() modules.Config { return &Config{} },
}

// Config holds the arguments of `hosts_file`.
type Config struct {
	Hosts  []modules.Host `arg:"hosts,required" doc:"the hosts to name"`
	Domain string         `arg:"domain" doc:"domain of the hosts; their full names stand first on their lines"`
}

// path is where every libc looks.
const path = "/etc/hosts"

// Validate checks the domain and the names, which end up in a file that every
// program of the node trusts.
func (c *Config) Validate() error {
	if c.Domain != "" {
		if err := modules.CheckHostName("domain", c.Domain); err != nil {
			return err
		}
	}
	for _, h := range c.Hosts {
		if err := modules.CheckHostName("hosts", h.Name); err != nil {
			return err
		}
	}
	return nil
}

// Trim leaves out all but addresses and names: with the facts of ten thousand hosts
// the configuration would not fit into a frame.
func (c *Config) Trim() {
	if len(c.Hosts) == 0 {
		return
	}
	hosts := make([]modules.Host, len(c.Hosts))
	for i, h := range c.Hosts {
		hosts[i] = modules.Host{Name: h.Name, Address: h.Address}
	}
	c.Hosts = hosts
}

// Ensure makes the block so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	s, err := modules.ReadText(ctx, m, path)
	if err != nil {
		return err
	}
	if s == nil {
		return m.Set(ctx, modules.FileItem(path, c.edit("127.0.0.1 localhost\n::1 localhost\n"), "0644", "root", "root"))
	}
	want := s.Get("content")
	if !want.Unknown {
		want.S = c.edit(want.S)
	}
	return m.Set(ctx, machine.Item{
		Ref:  machine.Ref{Table: "file", Key: path},
		Want: machine.State{"type": machine.Text("file"), "content": want},
	})
}

// block holds the lines, in inventory order, and every name on them.
func (c *Config) block() (lines []string, names map[string]bool) {
	names = map[string]bool{}
	for _, h := range c.Hosts {
		a, err := netip.ParseAddr(h.Address)
		if err != nil || a.IsLoopback() || a.Zone() != "" {
			continue
		}
		list := c.names(h.Name)
		lines = append(lines, a.Unmap().String()+" "+strings.Join(list, " "))
		for _, n := range list {
			names[n] = true
		}
	}
	return lines, names
}

// names are a host's full name, if it has one, and its short one.
func (c *Config) names(name string) []string {
	short, _, dotted := strings.Cut(name, ".")
	switch {
	case dotted:
		return []string{name, short}
	case c.Domain != "":
		return []string{name + "." + c.Domain, name}
	}
	return []string{name}
}
