package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"muster/integration/workload"
	"muster/inventory"
	"muster/modules/machine"
)

// siteName is the cluster of the offline bench.
const siteName = "site"

// siteServers of the hosts are no compute nodes; siteRack is how many compute nodes
// a rack has.
const (
	siteServers = 4
	siteRack    = 20
)

func serverName(i int) string  { return fmt.Sprintf("mgmt%02d", i+1) }
func computeName(i int) string { return fmt.Sprintf("node%05d", i+1) }

// siteInventory is an inventory of that many hosts: racks, each a group with a
// variable of its own, and a few management servers.
func siteInventory(hosts int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "cluster %q {\n  domain = \"site.example.com\"\n}\n\nconnection {\n  user   = \"admin\"\n  become = true\n}\n\n", siteName)
	for i := range siteServers {
		fmt.Fprintf(&b, "host %q {\n  address = \"10.0.0.%d\"\n  groups  = [\"server\"]\n  vars    = { rack = \"r000\" }\n}\n\n", serverName(i), i+1)
	}
	for first := 0; first < hosts-siteServers; first += siteRack {
		last, rack := min(first+siteRack, hosts-siteServers), first/siteRack+1
		fmt.Fprintf(&b, "hosts \"node[%05d-%05d]\" {\n  address = \"10.%d.%d.[1-%d]\"\n  groups  = [\"compute\"]\n  vars    = { rack = \"r%03d\" }\n}\n\n",
			first+1, last, 1+rack/250, rack%250, last-first, rack)
	}
	return b.String()
}

// siteFacts are the facts of all hosts as an earlier run leaves them: compute nodes
// with eight GPUs and ten HCAs.
func siteFacts(hosts int) (string, error) {
	at := time.Now().Add(-time.Hour)
	all := map[string]inventory.HostFacts{}
	for i := range siteServers {
		all[serverName(i)] = inventory.HostFacts{Facts: hostFacts(serverName(i), i, 64, 0), At: at}
	}
	for i := range hosts - siteServers {
		all[computeName(i)] = inventory.HostFacts{Facts: hostFacts(computeName(i), siteServers+i, 224, 8), At: at}
	}
	text, err := json.MarshalIndent(all, "", " ")
	return string(text), err
}

func hostFacts(name string, n, cpus, gpus int) machine.Facts {
	f := machine.Facts{
		Hostname: name, OS: "debian", OSVer: "13", Codename: "trixie", Arch: "amd64", Kernel: "6.12.0-amd64",
		BootID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Cgroup: "v2", Clock: 1763942400000,
		CPUs: cpus, Sockets: 2, Cores: cpus / 4, Threads: 2, MemoryMB: cpus * 9200,
		Disks: []machine.Disk{{Name: "nvme0n1", SizeGB: 1920, Model: "SAMSUNG MZ1L21T9HCLS"}, {Name: "nvme1n1", SizeGB: 1920, Model: "SAMSUNG MZ1L21T9HCLS"}},
		NICs:  []machine.NIC{{Name: "eno1", MAC: fmt.Sprintf("02:00:00:%02x:%02x:%02x", n>>16, n>>8&255, n&255), Addresses: []string{fmt.Sprintf("10.%d.%d.%d/8", 1+n>>16, n>>8&255, n&255)}}},
	}
	for g := range gpus {
		f.GPUs = append(f.GPUs, machine.PCI{Address: fmt.Sprintf("0000:%02x:00.0", 0x1b+8*g), Vendor: "10de", Device: "2330", Class: "030200"})
	}
	for h := range gpus * 10 / 8 {
		f.HCAs = append(f.HCAs, machine.PCI{Address: fmt.Sprintf("0000:%02x:00.0", 0x18+8*h), Vendor: "15b3", Device: "1021", Class: "020700"})
	}
	return f
}

// sitePlaybook has sixty steps: the fifty of the workload, and ten more of which most
// differ from host to host or gather the facts of all. Those come first that a site
// has first, so that what follows on a host follows on something of its own.
func sitePlaybook() string {
	return `
step "hostname" "own" {
  on   = "all"
  name = host.name
}

step "file" "motd" {
  on      = "all"
  path    = "/etc/motd"
  content = "${host.name} in rack ${host.vars.rack}: ${host.facts.cpus} processors, ${length(host.facts.gpus)} GPUs\n"
}

step "file" "rack" {
  on      = "all"
  path    = "/etc/rack"
  content = "${host.vars.rack}\n"
}

step "line" "limits" {
  on     = "all"
  path   = "/etc/security-limits.conf"
  line   = "* hard nproc ${host.facts.cpus * 1024}"
  create = true
}

` + workload.HCL("all") + `
step "directory" "site" {
  on   = "all"
  path = "/etc/site"
}

step "file" "numa" {
  on      = "compute"
  path    = "/etc/site/numa.conf"
  content = "sockets=${host.facts.sockets} cores=${host.facts.cores} memory=${host.facts.memory_mb}\n"
  mode    = "0644"
}

step "package" "tools" {
  on    = "all"
  names = ["htop", "numactl", "tmux"]
}

step "file" "large" {
  on      = "compute"
  when    = host.facts.memory_mb > 1000000
  path    = "/etc/site/large"
  content = "large\n"
}

step "hosts_file" "cluster" {
  on    = "server"
  hosts = hosts("all")
}

step "file" "targets" {
  on      = "server"
  path    = "/etc/site/targets"
  content = join("", [for h in hosts("all") : "${h.name} ${h.address} cpus=${h.facts.cpus} gpus=${length(h.facts.gpus)}\n"])
}
`
}
