package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"path"
	"strings"

	"muster/integration/lab"
)

// What the playbook slurm-cluster installs on a controller that keeps the accounting,
// and on a compute node.
const (
	controllerPackages = "munge mariadb-server slurmdbd slurm-wlm-mysql-plugin slurm-client slurmctld"
	nodePackages       = "munge slurmd slurm-client"
)

// What it writes there.
var (
	controllerFiles = []string{"/etc/hosts", "/etc/munge/munge.key", "/etc/mysql/mariadb.conf.d/90-muster.cnf",
		"/etc/slurm/cgroup.conf", "/etc/slurm/gres.conf", "/etc/slurm/plugstack.conf", "/etc/slurm/slurm.conf",
		"/etc/slurm/slurmdbd.conf", "/etc/systemd/system/slurmctld.service.d/muster.conf"}
	nodeFiles = []string{"/etc/hosts", "/etc/munge/munge.key", "/etc/default/slurmd"}
)

// handInstall begins the script of every node. Daemons are not started before their
// files are there, as an administrator who cares for time would have it.
const handInstall = `set -eu
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get update -qq
apt-get install -qq --no-install-recommends %s >/dev/null
rm /usr/sbin/policy-rc.d
umask 077
`

// handController starts everything on the controller, each as soon as what it needs
// answers.
const handController = `systemctl daemon-reload
systemctl start munge mariadb
password=$(sed -n 's/^StoragePass=//p' /etc/slurm/slurmdbd.conf)
mariadb <<END
CREATE DATABASE slurm_acct_db;
CREATE USER slurm@localhost IDENTIFIED BY '$password';
GRANT ALL ON slurm_acct_db.* TO slurm@localhost;
END
systemctl start slurmdbd
until sacctmgr -n show cluster >/dev/null 2>&1; do sleep 0.1; done
systemctl start slurmctld
`

// handNode starts a compute node once the controller, %s, answers.
const handNode = `systemctl start munge
until timeout 1 bash -c '</dev/tcp/%s/6817' 2>/dev/null; do sleep 0.1; done
systemctl start slurmd
`

// byHand makes the same cluster of other nodes with one ssh process a node.
func (m cluster) byHand(ctx context.Context, c containers) error {
	return each(ctx, c.Nodes, func(ctx context.Context, n lab.Node) error {
		_, err := c.ssh(ctx, n, strings.NewReader(m.script(c, n)), "sudo", "sh", "-s")
		return err
	})
}

// script is all that is done on one node.
func (m cluster) script(c containers, n lab.Node) string {
	controller := c.of("slurm_controller")[0]
	packages, start := nodePackages, fmt.Sprintf(handNode, controller.Address)
	if n.Name == controller.Name {
		packages, start = controllerPackages, handController
	}
	// The files name addresses; the same nodes have the same last byte in another lab.
	move := strings.NewReplacer(network(m.nodes[0]), network(c.Nodes[0]))
	var b strings.Builder
	fmt.Fprintf(&b, handInstall, packages)
	for _, f := range m.files[n.Name] {
		text := f.text
		if path.Base(f.path) != "munge.key" { // which is no text
			text = move.Replace(text)
		}
		fmt.Fprintf(&b, "mkdir -p %[1]s\nbase64 -d >%[2]s <<'END'\n%[3]s\nEND\nchown %[4]s %[2]s\nchmod %[5]s %[2]s\n",
			path.Dir(f.path), f.path, base64.StdEncoding.EncodeToString([]byte(text)), f.owner, f.mode)
	}
	return b.String() + start
}

// network is the start of a node's address, up to its last byte.
func network(n lab.Node) string { return n.Address[:strings.LastIndex(n.Address, ".")+1] }

// copied is a file as one side made it and the other copies it.
type copied struct {
	path, owner, mode, text string
}

// readFile reads a file with its owner and mode.
func (c containers) readFile(ctx context.Context, n lab.Node, path string) (copied, error) {
	out, err := c.Exec(ctx, n.Name, "stat", "-c", "%U:%G %a", path)
	if err != nil {
		return copied{}, err
	}
	owner, mode, _ := strings.Cut(strings.TrimSpace(out), " ")
	text, err := c.Exec(ctx, n.Name, "cat", path)
	return copied{path, owner, mode, text}, err
}
