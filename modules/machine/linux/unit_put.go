package linux

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"muster/modules/machine"
)

const (
	// jobTime bounds a start, stop, restart or reload. Units have limits of their own
	// (90 s by default, MariaDB's is 15 min); this one is for those without.
	jobTime = 20 * time.Minute
	// reexecTime is how long a reload may take to bring the new main process: slurmd
	// shows it up to 10 s later.
	reexecTime = 15 * time.Second
	// readyTime is how long a started unit may take until it serves.
	readyTime = 60 * time.Second
	// checkTime bounds one look whether it does.
	checkTime = 10 * time.Second
)

// putUnit enables or disables, starts, stops, restarts or reloads the unit, waits
// until it serves, and records what it was started with.
func (s *Store) putUnit(ctx context.Context, it machine.Item, was machine.State) error {
	name, want := it.Ref.Key, it.Want
	if want == nil {
		want = machine.State{"running": machine.Bool(false), "enabled": machine.Bool(false)}
	}
	u, err := s.known(ctx, name)
	if err != nil {
		return unitError(name, "load", err)
	}
	if u.load == "not-found" {
		if !want.Get("running").True() && !want.Get("enabled").True() {
			return nil
		}
		return &machine.Error{Object: "unit[" + name + "]", Op: "load", Err: errors.New("the node has no such unit"),
			Hint: "the package that brings it has to be installed before"}
	}
	if (u.load == "masked" || u.file == "masked") && (want.Get("running").True() || want.Get("enabled").True()) {
		return &machine.Error{Object: "unit[" + name + "]", Op: "load", Err: errors.New("it is masked"),
			Hint: "somebody has forbidden it on this node; systemctl unmask " + name + " allows it again"}
	}
	if v, ok := want["enabled"]; ok && enabled(u.file).S != v.S && enabled(u.file).S != machine.Static {
		if err := s.enable(ctx, name, u.file, v.True()); err != nil {
			return unitError(name, map[bool]string{true: "enable", false: "disable"}[v.True()], err)
		}
	}
	action, _ := machine.UnitAction(was, want)
	return s.act(ctx, it, action, want)
}

// known reads the unit, after a daemon-reload where systemd has an older idea of
// its files, or none.
func (s *Store) known(ctx context.Context, name string) (unitState, error) {
	u, err := s.bus.unit(ctx, name)
	if err != nil || (u.load != "not-found" && !u.needReload) {
		return u, err
	}
	if err := s.bus.call(ctx, "Reload").Err; err != nil {
		return u, fmt.Errorf("daemon-reload: %w", err)
	}
	return s.bus.unit(ctx, name)
}

func (s *Store) enable(ctx context.Context, name, file string, on bool) error {
	if !on && file != "enabled" && file != "enabled-runtime" {
		return fmt.Errorf("it is %s: it has nothing that could be disabled", file)
	}
	var err error
	if on {
		err = s.bus.call(ctx, "EnableUnitFiles", []string{name}, false, true).Err
	} else {
		err = s.bus.call(ctx, "DisableUnitFiles", []string{name}, false).Err
	}
	if err == nil {
		err = s.bus.call(ctx, "Reload").Err
	}
	return err
}

// act does what UnitAction has said.
func (s *Store) act(ctx context.Context, it machine.Item, action machine.Action, want machine.State) error {
	name := it.Ref.Key
	ctx, cancel := context.WithTimeoutCause(ctx, jobTime, fmt.Errorf("no end after %s", jobTime))
	defer cancel()
	before, err := s.bus.unit(ctx, name)
	if err != nil {
		return unitError(name, string(action), err)
	}
	switch action {
	case machine.None:
		return nil
	case machine.Stop:
		if err := s.systemd(ctx, name, action, "StopUnit"); err != nil {
			return err
		}
		return s.records.remove(name)
	case machine.Start, machine.Restart:
		// A unit that has failed too often is not started again before a reset.
		_ = s.bus.call(ctx, "ResetFailedUnit", name).Err
		err = s.systemd(ctx, name, action, map[machine.Action]string{
			machine.Start: "StartUnit", machine.Restart: "RestartUnit"}[action])
	case machine.Reload:
		err = s.reload(ctx, it, before)
	}
	if err != nil {
		return err
	}
	if err := s.serves(ctx, it, action); err != nil {
		// The next run has to know a process that does not serve from one that does. That this
		// could not be noted is not told beside why it is needed.
		_ = s.recordStart(context.WithoutCancel(ctx), name, action, want, words(it.How[machine.HowReady]))
		return err
	}
	return s.recordStart(ctx, name, action, want, nil)
}

// systemd gives a job to systemd and waits for its end.
func (s *Store) systemd(ctx context.Context, name string, action machine.Action, method string) error {
	result, err := s.bus.do(ctx, method, name, "replace")
	if err != nil {
		return unitError(name, string(action), err)
	}
	if result != "done" {
		return s.failed(ctx, name, action, result)
	}
	return nil
}

func (s *Store) reload(ctx context.Context, it machine.Item, before unitState) error {
	name := it.Ref.Key
	if argv := words(it.How[machine.HowReload]); argv == nil {
		if err := s.systemd(ctx, name, machine.Reload, "ReloadUnit"); err != nil {
			return err
		}
	} else {
		res, err := s.run(ctx, program{argv: argv, timeout: 2 * time.Minute, output: vertexOf(ctx).Output})
		if err == nil && res.Exit != 0 {
			err = fmt.Errorf("exit status %d", res.Exit)
		}
		if err != nil {
			return &machine.Error{Object: "unit[" + name + "]", Op: "reload", Err: err, Command: argv,
				Exit: res.Exit, Stderr: res.Stdout + res.Stderr}
		}
	}
	if it.How[machine.HowReexec] != "true" {
		return nil
	}
	moved := poll(ctx, reexecTime, func() bool {
		u, err := s.bus.unit(ctx, name)
		return err == nil && u.start != before.start && u.mainPID != 0
	})
	if !moved {
		return s.failed(ctx, name, machine.Reload, fmt.Sprintf("no new main process after %s", reexecTime))
	}
	return nil
}

// serves waits until the unit is ready, and looks whether it has stayed: a simple
// service counts as started before its program has read its configuration.
func (s *Store) serves(ctx context.Context, it machine.Item, action machine.Action) error {
	name, argv := it.Ref.Key, words(it.How[machine.HowReady])
	var u unitState
	var last machine.Result
	var err error
	ready := poll(ctx, readyTime, func() bool {
		if u, err = s.bus.unit(ctx, name); err != nil || !u.running() || argv == nil {
			return true
		}
		last, err = s.run(ctx, program{argv: argv, timeout: checkTime})
		return err == nil && last.Exit == 0
	})
	switch {
	case !ready:
		e := s.failed(ctx, name, action, fmt.Sprintf("not ready after %s", readyTime))
		e.Command, e.Exit = argv, last.Exit
		e.Stderr = strings.TrimSpace(last.Stdout+last.Stderr) + "\n" + e.Stderr
		return e
	case err != nil:
		return unitError(name, string(action), err)
	case !u.running():
		return s.failed(ctx, name, action, "it did not stay")
	}
	return nil
}

// recordStart saves what the process has now been started with. A reload brings
// only what it can bring; the rest stays as recorded. unready is the check that the
// process does not pass.
func (s *Store) recordStart(ctx context.Context, name string, action machine.Action, want machine.State, unready []string) error {
	u, err := s.bus.unit(ctx, name)
	if err != nil {
		return unitError(name, string(action), err)
	}
	rec := record{Invocation: u.invocation, Start: u.start, Inputs: map[string]string{}, Unready: unready}
	if action == machine.Reload {
		maps.Copy(rec.Inputs, s.records.latest(name, u.invocation).Inputs)
	}
	for field, v := range want {
		mode, _, _, ok := cutInput(field)
		if ok && !v.Unknown && (action != machine.Reload || mode == machine.Reload) {
			rec.Inputs[field] = v.S
		}
	}
	return s.records.save(name, rec)
}

// failed tells why a unit is not as asked, with the end of its log.
func (s *Store) failed(ctx context.Context, name string, action machine.Action, result string) *machine.Error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	cause := result
	if u, err := s.bus.unit(ctx, name); err == nil && u.result != "" && u.result != "success" {
		cause += ": " + u.result
		if u.result == "exit-code" {
			cause += fmt.Sprintf(" %d", u.status)
		}
	}
	if result == "dependency" {
		cause = "a unit that it needs did not start"
	}
	e := &machine.Error{Object: "unit[" + name + "]", Op: string(action), Err: errors.New(cause),
		Hint: "on the node: systemctl status " + name + "; journalctl -u " + name}
	log, err := s.run(ctx, program{argv: []string{"journalctl", "-u", name, "-n", "20", "--no-pager", "-o", "cat", "-q"}})
	if err == nil {
		e.Stderr = log.Stdout
	}
	return e
}

// words takes an argv apart that is joined by NUL.
func words(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, "\x00")
}

// poll asks every 100 ms until it is so or time is up.
func poll(ctx context.Context, limit time.Duration, so func() bool) bool {
	deadline := time.Now().Add(limit)
	for {
		if so() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
}
