package linux

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// unitState is what systemd says about a unit.
type unitState struct {
	load, active, sub string
	file              string // enabled, disabled, static, masked …; "" without a file
	needReload        bool
	invocation        string // 32 hex digits; "" before the first start
	// start is when the main process started, in microseconds of Unix time; for a
	// unit without processes, when it became active.
	start int64
	// began is when this invocation began, also in microseconds. A re-execution
	// moves start and leaves began.
	began   int64
	mainPID uint32
	result  string // of the last run: success, exit-code, timeout …
	status  int32  // exit status of the main process
}

// live says whether the unit is doing something.
func (u unitState) live() bool {
	return u.active != "inactive" && u.active != "failed" && u.active != ""
}

// running says whether the unit serves, or has a process that is about to.
func (u unitState) running() bool {
	switch u.active {
	case "active", "reloading", "refreshing":
		return true
	case "activating":
		return u.mainPID != 0
	}
	return false
}

// unit reads a unit, loading its file first if need be.
func (b *bus) unit(ctx context.Context, name string) (unitState, error) {
	var path dbus.ObjectPath
	if err := b.call(ctx, "LoadUnit", name).Store(&path); err != nil {
		return unitState{}, err
	}
	conn, err := b.connection()
	if err != nil {
		return unitState{}, err
	}
	all := map[string]dbus.Variant{}
	const getAll = "org.freedesktop.DBus.Properties.GetAll"
	if err := callOn(ctx, conn, path, getAll, systemdName+".Unit").Store(&all); err != nil {
		return unitState{}, err
	}
	u := unitState{
		load: text(all["LoadState"]), active: text(all["ActiveState"]), sub: text(all["SubState"]),
	}
	u.needReload, _ = all["NeedDaemonReload"].Value().(bool)
	if id, ok := all["InvocationID"].Value().([]byte); ok {
		u.invocation = hex.EncodeToString(id)
	}
	entered, _ := all["ActiveEnterTimestamp"].Value().(uint64)
	began, _ := all["InactiveExitTimestamp"].Value().(uint64)
	u.start, u.began = int64(entered), int64(began)
	if u.file, err = b.fileState(ctx, name); err != nil {
		return unitState{}, err
	}
	if strings.HasSuffix(name, ".service") {
		err = b.service(ctx, path, &u)
	}
	return u, err
}

func (b *bus) service(ctx context.Context, path dbus.ObjectPath, u *unitState) error {
	for name, set := range map[string]func(any){
		"MainPID":        func(v any) { u.mainPID, _ = v.(uint32) },
		"Result":         func(v any) { u.result, _ = v.(string) },
		"ExecMainStatus": func(v any) { u.status, _ = v.(int32) },
		"ExecMainStartTimestamp": func(v any) {
			if at, _ := v.(uint64); at != 0 {
				u.start = int64(at)
			}
		},
	} {
		v, err := b.property(ctx, path, "Service", name)
		if err != nil {
			return err
		}
		set(v.Value())
	}
	return nil
}

// fileState asks for the state of a unit's file. The property of the same name
// is not used: systemd keeps it until the next daemon-reload, and packages enable
// units without one.
func (b *bus) fileState(ctx context.Context, name string) (string, error) {
	var state string
	err := b.call(ctx, "GetUnitFileState", name).Store(&state)
	if noFile(err) {
		return "", nil
	}
	return state, err
}

// unanswered are the errors of the bus itself: they say nothing about a unit's file.
var unanswered = []string{"NoReply", "Timeout", "TimedOut", "Disconnected", "NoServer", "ServiceUnknown", "NameHasNoOwner",
	"LimitsExceeded", "NoMemory", "AccessDenied"}

// noFile says that systemd has answered: no such file, or none that can be read.
func noFile(err error) bool {
	var de dbus.Error
	return errors.As(err, &de) && !slices.Contains(unanswered, strings.TrimPrefix(de.Name, "org.freedesktop.DBus.Error."))
}

func text(v dbus.Variant) string {
	s, _ := v.Value().(string)
	return s
}

// names lists the loaded units that match a pattern and do something.
func (b *bus) names(ctx context.Context, pattern string) ([]string, error) {
	var list []struct {
		Name, Description, Load, Active, Sub, Follows string
		Path                                          dbus.ObjectPath
		JobID                                         uint32
		JobType                                       string
		JobPath                                       dbus.ObjectPath
	}
	if err := b.call(ctx, "ListUnitsByPatterns", []string{}, []string{pattern}).Store(&list); err != nil {
		return nil, fmt.Errorf("systemd: %w", err)
	}
	var out []string
	for _, u := range list {
		if (unitState{active: u.Active}).live() {
			out = append(out, u.Name)
		}
	}
	return out, nil
}
