package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/modules/machine"
)

// Facts reads a node's facts from /proc, /sys and /etc below root; it runs no
// program. extra are further folders in which a sys/bus/pci/devices is looked for:
// a lab's nodes have faked devices there.
func Facts(root string, extra ...string) (machine.Facts, error) {
	t := tree(root)
	f := machine.Facts{
		Hostname: t.line("proc/sys/kernel/hostname"), Arch: runtime.GOARCH,
		Kernel: t.line("proc/sys/kernel/osrelease"), BootID: t.line("proc/sys/kernel/random/boot_id"),
		Cgroup: t.cgroup(), Disks: t.disks(), NICs: t.nics(), Clock: time.Now().UnixMilli(),
	}
	f.Hostname, _, _ = strings.Cut(f.Hostname, ".")
	t.release(&f)
	t.processors(&f)
	f.MemoryMB = t.memory()
	for _, dir := range append([]string{root}, extra...) {
		tree(dir).devices(&f)
	}
	if err := f.Check(); err != nil {
		return f, fmt.Errorf("facts: %w", err)
	}
	return f, nil
}

// tree is a folder that looks like the root of a node.
type tree string

func (t tree) path(parts ...string) string {
	return filepath.Join(append([]string{string(t)}, parts...)...)
}

// line reads the first line of a file, cleaned; "" where there is none.
func (t tree) line(parts ...string) string {
	text, err := os.ReadFile(t.path(parts...))
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return clean(first)
}

func (t tree) number(parts ...string) (int, bool) {
	n, err := strconv.Atoi(t.line(parts...))
	return n, err == nil
}

func (t tree) has(parts ...string) bool {
	_, err := os.Stat(t.path(parts...))
	return err == nil
}

// names lists a folder in order, with numbers inside names counted as text.
func (t tree) names(parts ...string) []string {
	list, err := os.ReadDir(t.path(parts...))
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

// clean makes text a fact may consist of: what the check would refuse (a vendor's
// trademark sign in a disk model) becomes an underscore.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if machine.FactRune(r) {
			return r
		}
		return '_'
	}, strings.TrimSpace(text))
	return strings.TrimSpace(text[:min(len(text), machine.MaxFact)])
}

// release reads os-release(5).
func (t tree) release(f *machine.Facts) {
	text, err := os.ReadFile(t.path("etc/os-release"))
	if err != nil {
		text, _ = os.ReadFile(t.path("usr/lib/os-release"))
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = clean(strings.Trim(value, `"'`))
		switch name {
		case "ID":
			f.OS = value
		case "VERSION_ID":
			f.OSVer = value
		case "VERSION_CODENAME":
			f.Codename = value
		}
	}
}

// processors counts what is online, as hwloc (and with it slurmd) does.
func (t tree) processors(f *machine.Facts) {
	sockets, cores := map[int]bool{}, map[[2]int]bool{}
	const dir = "sys/devices/system/cpu"
	for _, name := range t.names(dir) {
		number, ok := strings.CutPrefix(name, "cpu")
		if _, err := strconv.Atoi(number); !ok || err != nil {
			continue
		}
		if online, ok := t.number(dir, name, "online"); ok && online == 0 {
			continue
		}
		socket, ok := t.number(dir, name, "topology/physical_package_id")
		core, ok2 := t.number(dir, name, "topology/core_id")
		if !ok || !ok2 {
			continue
		}
		f.CPUs++
		socket = max(socket, 0) // -1 on ARM machines that do not say
		sockets[socket], cores[[2]int{socket, core}] = true, true
	}
	if f.CPUs == 0 {
		f.CPUs = max(1, runtime.NumCPU())
		f.Sockets, f.Cores, f.Threads = 1, f.CPUs, 1
		return
	}
	f.Sockets = len(sockets)
	f.Cores = len(cores) / len(sockets)
	f.Threads = max(1, f.CPUs/len(cores))
}

func (t tree) memory() int {
	text, _ := os.ReadFile(t.path("proc/meminfo"))
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")))
			return kib / 1024
		}
	}
	return 0
}

// cgroup says which control groups systemd has set up.
func (t tree) cgroup() string {
	switch {
	case t.has("sys/fs/cgroup/cgroup.controllers"):
		return "v2"
	case t.has("sys/fs/cgroup/unified/cgroup.controllers"):
		return "hybrid"
	}
	return "v1"
}

func sortPCI(list []machine.PCI) {
	slices.SortFunc(list, func(a, b machine.PCI) int { return strings.Compare(a.Address, b.Address) })
}
