package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"muster/integration/lab"
	"muster/integration/workload"
)

// ansibleHome is where the controller keeps its playbook.
const ansibleHome = "/root/bench"

// The packages that make a node Ansible's controller, and those that it asks of the
// nodes it works on. Mitogen's strategies lie in Ansible's own folder of plugins
// after that, so that their name is enough.
const (
	ansiblePackages = "ansible-core ansible-mitogen openssh-client"
	pythonPackages  = "python3 python3-apt"
)

// ansibleConfig is Ansible as one would tune it: pipelining, all hosts at once, no
// search for an interpreter. ControlMaster and ControlPersist are its defaults.
const ansibleConfig = `[defaults]
inventory = hosts
remote_user = admin
private_key_file = key
forks = %d
interpreter_python = /usr/bin/python3
deprecation_warnings = false

[ssh_connection]
pipelining = true
ssh_extra_args = -o UserKnownHostsFile=` + ansibleHome + `/known_hosts -o StrictHostKeyChecking=yes
`

// ansible is a controller with Ansible from Debian's packages: a container in the
// network of the nodes that it works on.
type ansible struct {
	c          containers
	controller lab.Node
	nodes      []lab.Node
}

// prepare installs what Ansible needs, on the controller and on the nodes.
func (a ansible) prepare(ctx context.Context) error {
	install := "set -eu\nexport DEBIAN_FRONTEND=noninteractive\napt-get update -qq\n" +
		"apt-get install -qq --no-install-recommends %s >/dev/null\n"
	if err := a.c.scripts(ctx, []lab.Node{a.controller}, fmt.Sprintf(install, ansiblePackages)); err != nil {
		return err
	}
	if err := a.c.scripts(ctx, a.nodes, fmt.Sprintf(install, pythonPackages)); err != nil {
		return err
	}
	files, err := a.files()
	if err != nil {
		return err
	}
	var bundle bytes.Buffer
	w := tar.NewWriter(&bundle)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(files[name]))}); err != nil {
			return err
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	var out bytes.Buffer
	unpack := "mkdir -p " + ansibleHome + " && tar -C " + ansibleHome + " -xf -"
	return a.c.ExecIO(ctx, a.controller.Name, &bundle, &out, "sh", "-c", unpack)
}

// files are all that the controller's folder holds.
func (a ansible) files() (map[string]string, error) {
	files := map[string]string{
		"ansible.cfg": fmt.Sprintf(ansibleConfig, len(a.nodes)),
		"play.yml":    workload.Ansible(),
	}
	for name, text := range workload.AnsibleTemplates() {
		files["templates/"+name] = text
	}
	for _, n := range a.nodes {
		files["hosts"] += fmt.Sprintf("%s ansible_host=%s\n", n.Name, n.Address)
	}
	for name, from := range map[string]string{"key": lab.FileKey, "known_hosts": lab.FileKnownHosts} {
		text, err := os.ReadFile(filepath.Join(a.c.Dir, from))
		if err != nil {
			return nil, err
		}
		files[name] = string(text)
	}
	return files, nil
}

// play runs the playbook once with a strategy and checks that every node did all
// tasks. It returns how many of them changed something.
func (a ansible) play(ctx context.Context, strategy string) (changed int, err error) {
	command := fmt.Sprintf("cd %s && ANSIBLE_STRATEGY=%s exec ansible-playbook play.yml", ansibleHome, strategy)
	out, err := a.c.Exec(ctx, a.controller.Name, "sh", "-c", command)
	if err != nil {
		return 0, fmt.Errorf("ansible-playbook: %w: %s", err, lastLines(out))
	}
	recap := parseRecap(out)
	if len(recap) != len(a.nodes) {
		return 0, fmt.Errorf("ansible-playbook: its recap has %d of %d nodes: %s", len(recap), len(a.nodes), lastLines(out))
	}
	for host, r := range recap {
		// The gathering of facts is a task too.
		if r["ok"] != workload.Steps+1 || r["failed"] != 0 || r["unreachable"] != 0 {
			return 0, fmt.Errorf("ansible-playbook: %s: %v", host, r)
		}
		changed += r["changed"]
	}
	return changed, nil
}

var (
	recapLine  = regexp.MustCompile(`(?m)^(\S+)\s*: (ok=\d+ .*)$`)
	recapCount = regexp.MustCompile(`(\w+)=(\d+)`)
)

// parseRecap reads the counts of each host from the end of ansible-playbook's output.
func parseRecap(text string) map[string]map[string]int {
	out := map[string]map[string]int{}
	_, recap, found := strings.Cut(text, "\nPLAY RECAP ")
	if !found {
		return out
	}
	for _, line := range recapLine.FindAllStringSubmatch(recap, -1) {
		counts := map[string]int{}
		for _, c := range recapCount.FindAllStringSubmatch(line[2], -1) {
			counts[c[1]], _ = strconv.Atoi(c[2]) // digits alone; too many are 0, which the caller refuses
		}
		out[line[1]] = counts
	}
	return out
}
