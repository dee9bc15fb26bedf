// Package all is the one list of muster's modules.
package all

import (
	"muster/modules"
	"muster/modules/command"
	"muster/modules/directory"
	"muster/modules/file"
	"muster/modules/group"
	"muster/modules/hostname"
	"muster/modules/hostsfile"
	"muster/modules/line"
	"muster/modules/machine"
	"muster/modules/mariadb"
	"muster/modules/munge"
	"muster/modules/packages"
	"muster/modules/service"
	"muster/modules/slurmclient"
	"muster/modules/slurmcontroller"
	"muster/modules/slurmdatabase"
	"muster/modules/slurmnode"
	"muster/modules/template"
	"muster/modules/user"
)

// Modules lists every module, in the order in which the documentation shows
// them.
func Modules() []modules.Module {
	return []modules.Module{
		file.Module,
		directory.Module,
		line.Module,
		template.Module,
		packages.Module,
		service.Module,
		user.Module,
		group.Module,
		hostsfile.Module,
		hostname.Module,
		command.Module,
		munge.Module,
		mariadb.Module,
		slurmdatabase.Module,
		slurmcontroller.Module,
		slurmnode.Module,
		slurmclient.Module,
	}
}

// Tables are the tables of all modules, by name.
func Tables() map[string]machine.Table {
	out := map[string]machine.Table{}
	for _, m := range Modules() {
		for _, t := range m.Tables {
			out[t.Name()] = t
		}
	}
	return out
}
