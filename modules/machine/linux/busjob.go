package linux

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
)

// utmp records the runlevel. Init scripts of packages look it up and start their
// daemons when they find one, although no systemd is there.
const utmp = "/run/utmp"

type (
	property struct {
		Name  string
		Value dbus.Variant
	}
	command struct {
		Path   string
		Argv   []string
		Ignore bool
	}
	bind struct {
		Source, Target string
		Missing        bool // a missing source is no error
		Flags          uint64
	}
	tmpfs struct{ Path, Options string }
)

// startJob starts j as the transient unit f.unit.
func (b *bus) startJob(ctx context.Context, j job, f jobFiles) error {
	props := []property{
		prop("Description", "muster "+strings.TrimSuffix(f.unit, ".service")),
		prop("Type", "exec"),
		prop("CollectMode", "inactive-or-failed"), // its end is in the exit file
		prop("ExecStart", []command{{j.argv[0], plain(j.argv), false}}),
		prop("ExecStopPost", []command{{"/bin/sh", plain([]string{"/bin/sh", "-c", end, "sh", f.path + ".exit"}), false}}),
		prop("Environment", environment(j.env)),
		prop("StandardInputFile", f.path+".in"),
		prop("StandardOutputFile", f.path+".out"),
		prop("StandardErrorFile", f.path+".err"),
		prop("TimeoutStopUSec", uint64(killAfter.Microseconds())),
	}
	if j.timeout > 0 {
		props = append(props, prop("RuntimeMaxUSec", uint64(j.timeout.Microseconds())))
	}
	if j.quiet {
		props = append(props, quiet()...)
	}
	result, err := b.do(ctx, "StartTransientUnit", f.unit, "fail", props, []struct {
		Name  string
		Props []property
	}{})
	if err != nil {
		return fmt.Errorf("%s: start: %w", f.unit, err)
	}
	// A program that failed at once has written its end all the same.
	if _, err := os.Stat(f.path + ".exit"); result != "done" && err != nil && result != "failed" {
		return fmt.Errorf("%s: start: %s", f.unit, result)
	}
	return nil
}

// quiet makes a node without systemd of the unit's view: maintainer scripts enable
// units and start none, and when the unit is killed nothing is left on the disk.
// What name resolution and logging need stays.
func quiet() []property {
	binds := []bind{
		{"/run/systemd/resolve", "/run/systemd/resolve", true, 0},
		{"/run/systemd/journal", "/run/systemd/journal", true, 0},
	}
	if _, err := os.Stat(utmp); err == nil {
		binds = append(binds, bind{"/dev/null", utmp, false, 0})
	}
	return []property{
		prop("TemporaryFileSystem", []tmpfs{{"/run/systemd", ""}}),
		prop("BindReadOnlyPaths", binds),
	}
}

func prop(name string, value any) property { return property{name, dbus.MakeVariant(value)} }

// plain keeps systemd from replacing $WORDS in arguments.
func plain(argv []string) []string {
	out := make([]string, len(argv))
	for i, a := range argv {
		out[i] = strings.ReplaceAll(a, "$", "$$")
	}
	return out
}
