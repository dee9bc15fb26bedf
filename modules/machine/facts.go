package machine

// Facts is what a node says about itself, read once when its agent starts.
// Everything in it comes from the node and is bounded by Check before it may
// cross into another node's configuration.
type Facts struct {
	Hostname string `cbor:"hostname" json:"hostname"`     // short host name
	OS       string `cbor:"os" json:"os"`                 // ID of os-release, "debian"
	OSVer    string `cbor:"os_version" json:"os_version"` // VERSION_ID, "13"
	Codename string `cbor:"codename" json:"codename"`     // VERSION_CODENAME, "trixie"
	Arch     string `cbor:"arch" json:"arch"`             // GOARCH words: "amd64", "arm64"
	Kernel   string `cbor:"kernel" json:"kernel"`         // uname -r
	BootID   string `cbor:"boot_id" json:"boot_id"`
	// CPUs are logical processors; Sockets x Cores (per socket) x Threads (per core).
	CPUs    int `cbor:"cpus" json:"cpus"`
	Sockets int `cbor:"sockets" json:"sockets"`
	Cores   int `cbor:"cores" json:"cores"`
	Threads int `cbor:"threads" json:"threads"`
	// MemoryMB is MemTotal in MiB, rounded down, as slurmd counts it.
	MemoryMB int    `cbor:"memory_mb" json:"memory_mb"`
	Disks    []Disk `cbor:"disks" json:"disks"`
	NICs     []NIC  `cbor:"nics" json:"nics"`
	// GPUs and HCAs are found by PCI vendor and class in sysfs.
	GPUs []PCI `cbor:"gpus" json:"gpus"`
	HCAs []PCI `cbor:"hcas" json:"hcas"`
	// Cgroup is "v1", "v2" or "hybrid": what the node's own /sys/fs/cgroup is.
	Cgroup string `cbor:"cgroup" json:"cgroup"`
	// Clock is the node's time when it was read, in Unix milliseconds.
	Clock int64 `cbor:"clock" json:"clock"`
}

// Disk is one block device.
type Disk struct {
	Name   string `cbor:"name" json:"name"`       // "nvme0n1"
	SizeGB int    `cbor:"size_gb" json:"size_gb"` // 10^9 bytes, rounded down
	Model  string `cbor:"model" json:"model"`
}

// NIC is one network interface.
type NIC struct {
	Name      string   `cbor:"name" json:"name"`
	MAC       string   `cbor:"mac" json:"mac"`
	Addresses []string `cbor:"addresses" json:"addresses"` // CIDR notation
}

// PCI is one PCI device. Vendor and Device are four hex digits.
type PCI struct {
	Address string `cbor:"address" json:"address"` // "0000:1b:00.0"
	Vendor  string `cbor:"vendor" json:"vendor"`   // "10de"
	Device  string `cbor:"device" json:"device"`   // "2330"
	Class   string `cbor:"class" json:"class"`     // "030200"
}
