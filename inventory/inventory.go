// Package inventory reads what a cluster is made of: hosts, groups, variables,
// connections and secrets. Everything it returns is checked and final; nothing
// in it connects to anything.
package inventory

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"muster/inventory/lang"
)

// Inventory is one cluster.
type Inventory struct {
	// Path is what the user named, a file or a folder; Dir is the folder that
	// relative paths in it start from.
	Path, Dir string
	// StateDir is where muster keeps what belongs to this cluster: facts.json,
	// secrets/NAME.age and runs/. It is DIR/.muster/CLUSTER and need not exist.
	StateDir string
	Cluster  Cluster
	// Hosts in file order, ranges in their own order.
	Hosts []*Host
	// Groups by name, "all" included.
	Groups  map[string]*Group
	Secrets map[string]*Secret
	Source  *lang.Source
	// Digest is the SHA-256, in hex, of the inventory's files.
	Digest string

	hosts map[string]*Host
}

// Cluster names the whole. Domain is appended to host names where a full name
// is needed; it may be empty.
type Cluster struct {
	Name, Domain string
}

// Host is one machine.
type Host struct {
	Name string
	// Address is a name or an IP address without a port.
	Address string
	// Groups are all groups the host is in, with their ancestors and "all", sorted.
	Groups []string
	// Vars are the final values.
	Vars       map[string]Var
	Connection Connection
	// ConnectionFrom has, for each connection attribute that the inventory
	// sets, the value and where it came from.
	ConnectionFrom map[string]Var
	DeclRange      hcl.Range
}

// Var is a value and where it came from: "group gpu", "hosts dgx[001-032]",
// "host dgx007", "connection" or "-e". Range is empty for "-e".
type Var struct {
	Value cty.Value
	From  string
	Range hcl.Range
}

// Group is a set of hosts.
type Group struct {
	Name     string
	Children []string
	// Hosts are all hosts in the group and below it, in inventory order.
	Hosts []*Host
	// Vars are the group's own, without those of its parents.
	Vars map[string]cty.Value
	// Range is the group's block, or the place that first names the group.
	Range hcl.Range
}

// Secret says where a secret comes from: exactly one of Generate, Env and File
// is set. The bytes are in no field.
type Secret struct {
	Name string
	// Generate is how many random bytes are made at the first apply.
	Generate int
	// Env is the name of an environment variable of the controller.
	Env string
	// File is a path on the controller, made absolute; an age file is decrypted.
	File string
	// Encoding is "raw", "hex" or "base64". A generated secret is written in it;
	// one from a variable or a file is read from it.
	Encoding string
	Range    hcl.Range
}

// Options change what Load reads.
type Options struct {
	// Extra are the values of -e KEY=VALUE. They win over every variable of the
	// same name and become its type where there is one, a string otherwise.
	Extra map[string]string
}

// Host gives a host by name, nil when there is none.
func (inv *Inventory) Host(name string) *Host { return inv.hosts[name] }
