package machine

import (
	"strings"
	"testing"
)

func TestFactsCheck(t *testing.T) {
	good := Facts{Hostname: "dgx07", OS: "debian", OSVer: "13", Kernel: "6.12.0-amd64+bpo", CPUs: 224, MemoryMB: 2 << 20,
		NICs: []NIC{{Name: "ibp24s0", MAC: "00:00", Addresses: []string{"fe80::1/64"}}}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	// Each is named after the fact that it spoils.
	for name, list := range map[string][]func(*Facts){
		"hostname": {
			func(f *Facts) { f.Hostname = `${file("/etc/shadow")}` },
			func(f *Facts) { f.Hostname = "$(reboot)" },
			func(f *Facts) { f.Hostname = "node02 mgmt01" }, // two names in a hosts file
			func(f *Facts) { f.Hostname = "../../etc/passwd" },
			func(f *Facts) { f.Hostname = ".." },
			func(f *Facts) { f.Hostname = "-oProxyCommand" },
			func(f *Facts) { f.Hostname = "n1\u202egpj" },
			func(f *Facts) { f.Hostname = "n1\xff" },
		},
		"kernel": {
			func(f *Facts) { f.Kernel = "6\nNodeName=evil" },
			func(f *Facts) { f.Kernel = "6 State=UNKNOWN" },
			func(f *Facts) { f.Kernel = "\x1b]52;c;ZXZpbA==\x07" },
			func(f *Facts) { f.Kernel = "\u009b2J" },
		},
		"os":             {func(f *Facts) { f.OS = strings.Repeat("x", MaxFact+1) }, func(f *Facts) { f.OS = "debian\x00" }},
		"os_version":     {func(f *Facts) { f.OSVer = "13\r" }},
		"arch":           {func(f *Facts) { f.Arch = "../amd64" }},
		"boot_id":        {func(f *Facts) { f.BootID = "a;b" }},
		"cgroup":         {func(f *Facts) { f.Cgroup = "v1 v2" }},
		"cpus":           {func(f *Facts) { f.CPUs = -1 }, func(f *Facts) { f.CPUs = maxCPUs + 1 }},
		"threads":        {func(f *Facts) { f.Threads = -1 << 62 }},
		"memory_mb":      {func(f *Facts) { f.MemoryMB = maxMemoryMB + 1 }},
		"nics":           {func(f *Facts) { f.NICs = make([]NIC, maxFactList+1) }},
		"nics.name":      {func(f *Facts) { f.NICs = []NIC{{Name: "eth0 up"}} }},
		"nics.mac":       {func(f *Facts) { f.NICs = []NIC{{MAC: "00:00\n"}} }},
		"nics.addresses": {func(f *Facts) { f.NICs = []NIC{{Addresses: []string{"\x1b[2J"}}} }, func(f *Facts) { f.NICs = []NIC{{Addresses: []string{"10.0.0.1"}}} }},
		"disks.name":     {func(f *Facts) { f.Disks = []Disk{{Name: "../sda"}} }},
		"disks.model":    {func(f *Facts) { f.Disks = []Disk{{Model: "a`b"}} }},
		"disks.size_gb":  {func(f *Facts) { f.Disks = []Disk{{SizeGB: -1}} }},
		"pci":            {func(f *Facts) { f.HCAs = []PCI{{Address: "é"}} }, func(f *Facts) { f.GPUs = []PCI{{Vendor: "10de/.."}} }},
	} {
		for i, change := range list {
			f := good
			change(&f)
			if err := f.Check(); err == nil || !strings.HasPrefix(err.Error(), name+":") {
				t.Errorf("%s, %d: %v", name, i, err)
			}
		}
	}
}
