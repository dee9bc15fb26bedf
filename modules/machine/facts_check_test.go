package machine

import (
	"strings"
	"testing"
)

func TestFactsCheck(t *testing.T) {
	good := Facts{Hostname: "dgx07", OS: "debian", CPUs: 224, MemoryMB: 2 << 20,
		NICs: []NIC{{Name: "ibp24s0", MAC: "00:00", Addresses: []string{"fe80::1/64"}}}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Facts){
		"hostname":       func(f *Facts) { f.Hostname = "${file(\"/etc/shadow\")}" },
		"kernel":         func(f *Facts) { f.Kernel = "6\nNodeName=evil" },
		"os":             func(f *Facts) { f.OS = strings.Repeat("x", MaxFact+1) },
		"cpus":           func(f *Facts) { f.CPUs = -1 },
		"memory_mb":      func(f *Facts) { f.MemoryMB = maxMemoryMB + 1 },
		"nics":           func(f *Facts) { f.NICs = make([]NIC, maxFactList+1) },
		"nics.addresses": func(f *Facts) { f.NICs = []NIC{{Addresses: []string{"\x1b[2J"}}} },
		"disks.model":    func(f *Facts) { f.Disks = []Disk{{Model: "a`b"}} },
		"pci":            func(f *Facts) { f.HCAs = []PCI{{Address: "é"}} },
	} {
		f := good
		change(&f)
		if err := f.Check(); err == nil || !strings.HasPrefix(err.Error(), name+":") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
