package sim

import (
	"muster/modules/machine"
	"muster/modules/machine/memory"
)

// brought is what packages of Debian 13 bring along that muster's modules look at.
var brought = map[string][]machine.Item{
	"munge": {
		user("munge", "107"), group("munge", "107"), folder("/etc/munge", "munge", "0700"),
		file("/etc/munge/munge.key", "0600", "munge", "made by the package"), unit("munge.service"),
	},
	"mariadb-server": {
		user("mysql", "108"), group("mysql", "108"), folder("/etc/mysql", "root", "0755"), folder("/etc/mysql/mariadb.conf.d", "root", "0755"),
		folder("/var/lib/mysql", "mysql", "0755"), folder("/var/lib/mysql/mysql", "mysql", "0700"), unit("mariadb.service"),
	},
	"cron":         {folder("/etc/cron.d", "root", "0755"), unit("cron.service")},
	"slurm-client": slurmItems(),
	"slurmdbd":     slurmItems("slurmdbd.service"),
	"slurmctld":    slurmItems("slurmctld.service"),
	"slurmd":       append(slurmItems("slurmd.service"), file("/etc/default/slurmd", "0644", "root", "#SLURMD_OPTIONS=\"\"\n")),
}

// slurmItems are what every package of SLURM brings, and its units.
func slurmItems(units ...string) []machine.Item {
	out := []machine.Item{user("slurm", "64030"), group("slurm", "64030"), folder("/etc/slurm", "root", "0755"), folder("/var/log/slurm", "slurm", "0755")}
	for _, name := range units {
		out = append(out, unit(name))
	}
	return out
}

func item(table, key string, state machine.State) machine.Item {
	return machine.Item{Ref: machine.Ref{Table: table, Key: key}, Want: state}
}

func user(name, id string) machine.Item {
	return item("user", name, machine.State{"uid": machine.Text(id), "group": machine.Text(name)})
}

func group(name, id string) machine.Item {
	return item("group", name, machine.State{"gid": machine.Text(id)})
}

func folder(path, owner, mode string) machine.Item {
	return item("file", path, memory.Folder(owner, mode))
}

func file(path, mode, owner, content string) machine.Item {
	state := memory.Folder(owner, mode)
	state["type"], state["content"] = machine.Text("file"), machine.Text(content)
	return item("file", path, state)
}

// unit is a daemon as its package leaves it under muster: enabled, not started.
func unit(name string) machine.Item {
	return item("unit", name, machine.State{"running": machine.Bool(false), "enabled": machine.Bool(true)})
}
