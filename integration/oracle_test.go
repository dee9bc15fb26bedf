package integration

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/integration/lab"
)

// snapshot is a node as an onlooker sees it who knows nothing of muster: files
// with mode, owner and digest, packages, accounts, and the running services with
// the time they started.
type snapshot struct {
	files    map[string]string
	packages map[string]string
	accounts map[string]string
	services map[string]string
	// owner says which package brought a path, also one that is gone again.
	owner map[string]string
}

// lookScript prints a node's snapshot, a kind letter before each line. Left out
// are file systems that are not on disk, muster's own folder, logs, and what a
// login writes. $1 is the time of the last look, in seconds: a file whose ctime is
// older cannot have changed since (nothing can set a ctime), so only newer ones
// are read.
const lookScript = `set -e
skip='-path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/lib/muster -o -path /var/log -o -path /home/*/.cache -o -path /root/.cache -o -name .sudo_as_admin_successful'
new=/dev/shm/look-$$
find / -xdev \( $skip \) -prune -o -type d -printf 'F %p\td %m %u %g\n' -o -printf 'F %p\t%y %m %u %g %l\n' -type f -newerct "@$1" -fprint0 $new
xargs -0 -r sha256sum < $new | sed 's/^/S /'; rm -f $new
dpkg-query -W -f 'P ${Package}\t${Version} ${db:Status-Status}\n'
sed 's/^/U user:/' /etc/passwd; sed 's/^/U group:/' /etc/group
units=$(systemctl list-units --type=service --state=running --plain --no-legend | cut -d' ' -f1)
systemctl show -p Id,MainPID,ExecMainStartTimestampMonotonic,InvocationID $units | awk -v RS= '{gsub("\n", " "); print "R " $0}'
cd /var/lib/dpkg/info && find . -name '*.list' -newerct "@$1" | xargs -r awk '{sub("^./", "", FILENAME); p = FILENAME; sub(".list$", "", p); sub(":.*", "", p); print "L " p "\t" $0}'
`

// remembered is what the last look at a node found out about contents.
type remembered struct {
	at     int64
	sums   map[string]string
	owners map[string]string
}

var (
	memoryMu sync.Mutex
	memory   = map[string]*remembered{} // by lab and node
)

// look takes a snapshot of every node that runs.
func look(t *testing.T, l *lab.Lab) map[string]snapshot {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[string]snapshot{}
	for _, n := range l.Nodes {
		wg.Go(func() {
			s, err := lookAt(t, l, n.Name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				out[n.Name] = s
			case n.State == "running":
				t.Errorf("%s: snapshot: %v", n.Name, err)
			}
		})
	}
	wg.Wait()
	return out
}

func lookAt(t *testing.T, l *lab.Lab, node string) (snapshot, error) {
	memoryMu.Lock()
	m := memory[l.Name+"/"+node]
	if m == nil {
		m = &remembered{sums: map[string]string{}, owners: map[string]string{}}
		memory[l.Name+"/"+node] = m
	}
	memoryMu.Unlock()
	now := time.Now().Unix() - 1 // what changes during the look is read again next time
	var b bytes.Buffer
	if err := l.ExecIO(t.Context(), node, strings.NewReader(lookScript), &b, "sh", "-s", fmt.Sprint(m.at)); err != nil {
		return snapshot{}, err
	}
	s := parseSnapshot(b.String(), m)
	m.at = now
	return s, nil
}

func parseSnapshot(text string, m *remembered) snapshot {
	s := snapshot{map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, nil}
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		key, value, _ := strings.Cut(rest, "\t")
		switch kind {
		case "F":
			s.files[key] = value
		case "S":
			sum, name, _ := strings.Cut(rest, "  ")
			m.sums[name] = sum
		case "P":
			s.packages[key] = value
		case "U":
			name, fields, _ := strings.Cut(rest, ":")
			account, more, _ := strings.Cut(fields, ":")
			s.accounts[name+":"+account] = more
		case "R":
			name, _, _ := strings.Cut(rest[strings.Index(rest, "Id=")+3:], " ")
			s.services[name] = rest
		case "L":
			m.owners[value] = key
		}
	}
	for name, state := range s.files {
		if strings.HasPrefix(state, "f ") {
			s.files[name] = state + " " + m.sums[name]
		}
	}
	s.owner = maps.Clone(m.owners)
	return s
}

// differing lists the keys whose values differ between two maps.
func differing(a, b map[string]string) []string {
	keys := map[string]bool{}
	for k, v := range a {
		keys[k] = b[k] != v
	}
	for k, v := range b {
		keys[k] = keys[k] || a[k] != v
	}
	maps.DeleteFunc(keys, func(_ string, differs bool) bool { return !differs })
	return slices.Sorted(maps.Keys(keys))
}

// diff lists everything in which two snapshots of a node differ, as
// "file /etc/hosts: before -> after".
func (s snapshot) diff(o snapshot) []string {
	var out []string
	for _, part := range []struct {
		kind string
		a, b map[string]string
	}{{"file", s.files, o.files}, {"package", s.packages, o.packages}, {"account", s.accounts, o.accounts}, {"service", s.services, o.services}} {
		for _, k := range differing(part.a, part.b) {
			out = append(out, fmt.Sprintf("%s %s: %q -> %q", part.kind, k, part.a[k], part.b[k]))
		}
	}
	return out
}

// ownState are folders that running daemons and package tools write by
// themselves: they are explained by the daemon or the package being there.
var ownState = map[string][]string{
	"/var/lib/mysql":   {"mariadb-server"},
	"/var/lib/slurm":   {"slurmctld", "slurmd", "slurmdbd"},
	"/var/lib/munge":   {"munge"},
	"/var/lib/systemd": {""},
	"/var/lib/dpkg":    {""}, "/var/cache": {""}, "/var/lib/apt": {""}, "/var/lib/pam": {""}, "/var/lib/ucf": {""},
	"/etc/ld.so.cache": {""}, "/etc/alternatives": {""}, "/var/backups": {""}, "/etc/.updated": {""}, "/var/.updated": {""},
}

// accountFiles change together with any account.
var accountFiles = []string{"/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-", "/etc/shadow", "/etc/shadow-",
	"/etc/gshadow", "/etc/gshadow-", "/etc/subuid", "/etc/subgid", "/etc/subuid-", "/etc/subgid-", "/etc/.pwd.lock"}

// judge is the list of changes of one host, as an explanation of differences.
type judge struct {
	files, units, accounts map[string]bool
	packages               bool // some package is planned on this host
	reloads                bool // some reload re-executes daemons, perhaps on other hosts
	before, after          snapshot
}

func newJudge(host string, list []listed, before, after snapshot) judge {
	j := judge{files: map[string]bool{}, units: map[string]bool{}, accounts: map[string]bool{}, before: before, after: after}
	for _, c := range list {
		if strings.HasPrefix(c.Note, "reload") || strings.HasPrefix(c.Note, "restart") || strings.HasPrefix(c.Note, "start") {
			// A slurmctld that starts or is reconfigured re-executes the slurmds.
			j.reloads = j.reloads || strings.HasPrefix(c.Key, "slurmctld")
		}
		if c.host != host {
			continue
		}
		switch c.Table {
		case "file":
			j.files[c.Key] = true
		case "unit":
			j.units[c.Key] = true
		case "user", "group":
			j.accounts[c.Table+":"+c.Key] = true
		case "package":
			j.packages = true
		case "hostname":
			j.files["/etc/hostname"] = true
		}
	}
	return j
}

// unexplained lists the differences for which the list of changes holds no reason.
func (j judge) unexplained() []string {
	var out []string
	for _, f := range differing(j.before.files, j.after.files) {
		if !j.explainsFile(f) {
			out = append(out, fmt.Sprintf("file %s: %q -> %q", f, j.before.files[f], j.after.files[f]))
		}
	}
	for _, p := range differing(j.before.packages, j.after.packages) {
		if !j.packages {
			out = append(out, "package "+p)
		}
	}
	for _, a := range differing(j.before.accounts, j.after.accounts) {
		if !j.accounts[a] && !j.packages {
			out = append(out, "account "+a)
		}
	}
	for _, s := range differing(j.before.services, j.after.services) {
		if !j.units[s] && !(j.reloads && s == "slurmd.service") && !ownService(s) {
			out = append(out, fmt.Sprintf("service %s: %q -> %q", s, j.before.services[s], j.after.services[s]))
		}
	}
	return out
}

// ownService are services of a bare system that come and go with logins.
func ownService(s string) bool {
	return strings.HasPrefix(s, "user@") || s == "systemd-hostnamed.service" || s == "systemd-logind.service" || strings.HasPrefix(s, "muster-")
}

func (j judge) explainsFile(f string) bool {
	if j.files[f] || j.installed(f) {
		return true
	}
	if slices.Contains(accountFiles, f) {
		return j.packages || len(j.accounts) > 0
	}
	if strings.HasPrefix(f, "/etc/systemd/system/") {
		// Enablement is a link named after the unit.
		return j.units[path.Base(f)] || j.packages
	}
	for dir, by := range ownState {
		if (f == dir || strings.HasPrefix(f, dir+"/")) && (by[0] == "" || j.has(by)) {
			return true
		}
	}
	// A directory that had to be made for a listed file.
	for k := range j.files {
		if strings.HasPrefix(k, f+"/") {
			return true
		}
	}
	return false
}

func (j judge) has(packages []string) bool {
	return slices.ContainsFunc(packages, func(p string) bool { return j.after.packages[p] != "" || j.before.packages[p] != "" })
}

// installed says whether a path belongs to a package that was installed, removed
// or upgraded, or was made by its scripts.
func (j judge) installed(f string) bool {
	if !j.packages {
		return false
	}
	for _, s := range []snapshot{j.before, j.after} {
		if p := s.owner[f]; p != "" && j.before.packages[p] != j.after.packages[p] {
			return true
		}
		// Install scripts write into folders that the package brings.
		if p := s.owner[path.Dir(f)]; p != "" && j.before.packages[p] != j.after.packages[p] {
			return true
		}
	}
	// The alternatives of a package, and a file that readline-common's script makes.
	if strings.Contains(j.before.files[f]+j.after.files[f], "/etc/alternatives/") || f == "/etc/inputrc" {
		return true
	}
	return strings.HasPrefix(f, "/etc/init.d") || strings.HasPrefix(f, "/etc/rc") || strings.HasPrefix(f, "/usr/share") || strings.HasPrefix(f, "/usr/lib/locale")
}
