package linux

import (
	"net"
	"slices"
	"strings"

	"muster/modules/machine"
)

// PCI vendors and classes (pci.ids).
const (
	nvidia     = "10de"
	mellanox   = "15b3"
	vgaClass   = "0300"
	threeD     = "0302" // data centre GPUs have no display
	ethernet   = "0200"
	infiniband = "0207"
	sectorSize = 512 // the unit of /sys/block/*/size, whatever the disk's own sectors are
)

// devices finds GPUs and HCAs. A Mellanox card in Ethernet mode counts as an HCA
// when it does RDMA.
func (t tree) devices(f *machine.Facts) {
	const dir = "sys/bus/pci/devices"
	for _, address := range t.names(dir) {
		id := func(file string) string { return strings.TrimPrefix(t.line(dir, address, file), "0x") }
		d := machine.PCI{Address: clean(address), Vendor: id("vendor"), Device: id("device"), Class: id("class")}
		class := d.Class[:min(4, len(d.Class))]
		switch {
		case d.Vendor == nvidia && (class == vgaClass || class == threeD):
			f.GPUs = append(f.GPUs, d)
		case d.Vendor == mellanox && class == infiniband,
			d.Vendor == mellanox && class == ethernet && t.has(dir, address, "infiniband"):
			f.HCAs = append(f.HCAs, d)
		}
	}
	sortPCI(f.GPUs)
	sortPCI(f.HCAs)
}

// disks lists block devices that have hardware (or a hypervisor) behind them.
func (t tree) disks() []machine.Disk {
	var out []machine.Disk
	for _, name := range t.names("sys/block") {
		sectors, ok := t.number("sys/block", name, "size")
		if !ok || sectors == 0 || !t.has("sys/block", name, "device") || strings.HasPrefix(name, "sr") {
			continue
		}
		out = append(out, machine.Disk{Name: clean(name), SizeGB: sectors / (1_000_000_000 / sectorSize),
			Model: t.line("sys/block", name, "device/model")})
	}
	return out
}

// passing are interfaces that container runtimes and overlay networks make and
// take away; they say nothing about the node.
var passing = []string{"lo", "veth", "cali", "lxc", "docker", "br-", "cni", "flannel", "tunl", "vxlan", "kube-", "nodelocaldns"}

func (t tree) nics() []machine.NIC {
	var out []machine.NIC
	for _, name := range t.names("sys/class/net") {
		if slices.ContainsFunc(passing, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		mac := t.line("sys/class/net", name, "address")
		if mac == "" || clean(name) != name { // bonding_masters is a file, not an interface
			continue
		}
		out = append(out, machine.NIC{Name: name, MAC: mac, Addresses: t.addresses(name)})
	}
	return out
}

// addresses are those of the running kernel; another tree has none.
func (t tree) addresses(name string) []string {
	if t != "/" {
		return nil
	}
	nic, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	list, _ := nic.Addrs()
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	slices.SortFunc(out, func(a, b string) int {
		// IPv4 first: it is what people look for.
		if v6 := strings.Contains(a, ":"); v6 != strings.Contains(b, ":") {
			return map[bool]int{true: 1, false: -1}[v6]
		}
		return strings.Compare(a, b)
	})
	return out[:min(len(out), 64)]
}
