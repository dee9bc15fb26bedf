package slurm

import (
	"context"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// The units of the packages of Debian and of SchedMD.
const (
	ControllerUnit = "slurmctld.service"
	NodeUnit       = "slurmd.service"
	DatabaseUnit   = "slurmdbd.service"
	MungeUnit      = "munge.service"
)

// DropIn is a drop-in that starts a unit after others where these are on the same
// host, with the folder that holds it. The packaged slurmctld does not wait for a
// slurmdbd beside it.
func DropIn(ctx context.Context, m machine.Machine, file string, after ...string) ([]machine.Item, error) {
	items, err := modules.ParentItems(ctx, m, file)
	if err != nil {
		return nil, err
	}
	text := "# Written by muster.\n[Unit]\nAfter=" + strings.Join(after, " ") + "\n"
	return append(items, modules.FileItem(file, text, "0644", "root", "root")), nil
}
