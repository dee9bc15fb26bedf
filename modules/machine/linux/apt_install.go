package linux

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"muster/modules/machine"
)

// install are the options with which apt-get never asks, keeps configuration files
// as they are and removes nothing that it was not told to.
var install = []string{
	"-y", "--no-install-recommends", "--no-remove",
	"-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
	"-o", "DPkg::Lock::Timeout=600",
}

// wanted sorts package items into what to install ("name=version") and what to
// remove.
func wanted(items []machine.Item) (add, remove []string, err error) {
	for _, it := range items {
		if it.Ref.Table != "package" {
			continue
		}
		name := it.Ref.Key
		if !validDeb.MatchString(name) {
			return nil, nil, fmt.Errorf("%q is no package name", name)
		}
		version := it.Want.Get("version")
		switch {
		case it.Want == nil:
			remove = append(remove, name)
		case version.Unknown || version.S == "":
			return nil, nil, fmt.Errorf("package[%s]: no version is named", name)
		case strings.ContainsAny(version.S, " \t\n/"):
			return nil, nil, fmt.Errorf("package[%s]: version %q is none", name, version.S)
		default:
			add = append(add, name+"="+version.S)
		}
	}
	return add, remove, nil
}

// download fetches the archives of all that is to be installed. Where dpkg was
// interrupted apt-get does not even fetch before a repair, and that is the first
// installation's: it then fetches for itself.
func (a *apt) download(ctx context.Context, items []machine.Item) error {
	add, _, err := wanted(items)
	if err != nil || len(add) == 0 {
		return err
	}
	if _, interrupted, err := a.interrupted(); err != nil || interrupted {
		return err
	}
	if _, err := a.refresh(ctx); err != nil {
		return err
	}
	// To fetch ahead saves time and nothing else. Somebody who holds the package
	// system is waited for by the step, which has a limit and says whom it waits for.
	if holder, err := a.store.lockHolder(); err != nil || holder != "" {
		return err
	}
	argv := slices.Concat([]string{"apt-get"}, a.options(), install,
		[]string{"-o", "DPkg::Lock::Timeout=0", "--allow-downgrades", "--download-only", "install"}, add)
	res, err := a.store.run(ctx, program{argv: argv, env: quietly, timeout: aptTime, output: vertexOf(ctx).Output})
	if err == nil && res.Exit != 0 && strings.Contains(res.Stderr, "Could not get lock") {
		return nil // taken in between
	}
	return a.verdict("download", argv, add, res, err)
}

// apply installs exactly the wanted versions at once, then removes. Both run in
// units of their own: dpkg must not die with the agent.
func (a *apt) apply(ctx context.Context, items []machine.Item, was []machine.State) error {
	add, remove, err := wanted(items)
	if err != nil {
		return err
	}
	more, err := a.repair(ctx)
	if err != nil {
		return err
	}
	if len(add) > 0 {
		if _, err := a.refresh(ctx); err != nil {
			return err
		}
		argv := slices.Concat([]string{"apt-get"}, a.options(), install, more)
		if slices.ContainsFunc(was, func(s machine.State) bool { return s != nil }) {
			// One that is installed changes its version; the plan has shown which way.
			argv = append(argv, "--allow-downgrades")
		}
		if err := a.change(ctx, "install", append(append(argv, "install"), add...), add); err != nil {
			return err
		}
	}
	if len(remove) == 0 {
		return nil
	}
	if err := a.alone(ctx, remove); err != nil {
		return err
	}
	argv := slices.Concat([]string{"apt-get"}, a.options(), install, more, []string{"--remove", "remove"}, remove)
	return a.change(ctx, "remove", argv, remove)
}

func (a *apt) change(ctx context.Context, op string, argv, names []string) error {
	if err := a.store.waitLocks(ctx); err != nil {
		return err
	}
	res, err := a.store.runJob(ctx, job{argv: argv, env: quietly, timeout: aptTime, quiet: true})
	return a.verdict(op, argv, names, res, err)
}

// interrupted names the packages that a killed dpkg has left unfinished, and says
// whether there is anything to finish.
func (a *apt) interrupted() (broken []string, interrupted bool, err error) {
	if broken, err = a.dpkg.unfinished(); err != nil {
		return nil, false, err
	}
	pending, err := a.dpkg.pending()
	slices.Sort(broken)
	return broken, len(broken)+len(pending) > 0, err
}

// repair finishes what a killed dpkg has begun, as far as dpkg can: apt-get refuses
// to work before. A package that is half unpacked, and those that need it, are left
// for apt-get, which unpacks it again with the options that repair returns.
func (a *apt) repair(ctx context.Context) ([]string, error) {
	broken, interrupted, err := a.interrupted()
	if err != nil || !interrupted {
		return nil, err
	}
	say(ctx, "dpkg was interrupted; finishing "+strings.Join(broken, ", "))
	argv := []string{"dpkg", "--force-confdef", "--force-confold", "--configure", "-a"}
	failed := a.change(ctx, "configure", argv, broken)
	pending, err := a.dpkg.pending()
	switch {
	case err != nil:
	case failed != nil && (ctx.Err() != nil || len(pending) > 0):
		err = failed // it did not come to its end, or not even to its own notes
	case failed != nil:
		say(ctx, "dpkg alone could not finish all of them; apt-get goes on")
	}
	return []string{"--fix-broken"}, err
}

// alone makes sure that a removal takes nothing along that was not asked for.
func (a *apt) alone(ctx context.Context, names []string) error {
	argv := slices.Concat([]string{"apt-get"}, a.options(), []string{"-s", "remove"}, names)
	res, err := a.store.run(ctx, program{argv: argv, env: quietly, timeout: aptTime, whole: true})
	if err := a.verdict("remove", argv, names, res, err); err != nil {
		return err
	}
	var more []string
	for line := range strings.Lines(res.Stdout) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "Remv" && !slices.Contains(names, f[1]) {
			more = append(more, f[1])
		}
	}
	if len(more) > 0 {
		return &machine.Error{Object: "package[" + strings.Join(names, " ") + "]", Op: "remove",
			Err:  errors.New("it would remove " + strings.Join(more, ", ") + " as well"),
			Hint: "name them in the step too if they may go"}
	}
	return nil
}

// verdict turns the end of apt or dpkg into an error.
func (a *apt) verdict(op string, argv, names []string, res machine.Result, err error) error {
	if err == nil && res.Exit != 0 {
		err = aptCause(res)
	}
	if err == nil {
		return nil
	}
	e := &machine.Error{Object: "package[" + strings.Join(names, " ") + "]", Op: op, Err: err,
		Command: argv, Exit: res.Exit, Stderr: res.Stderr}
	switch text := res.Stderr + res.Stdout; {
	case errors.Is(err, ErrStale):
		e.Hint = "the package source has moved on since the plan; plan again"
	case strings.Contains(text, "Held packages were changed"):
		e.Hint = "somebody holds the package on this node: apt-mark showhold"
	case strings.Contains(text, "No space left on device"):
		e.Hint = "the file system is full: df -h on the node"
	case strings.Contains(text, "Packages need to be removed but remove is disabled"):
		e.Hint = "another installed package conflicts; apt-get -s install on the node names it"
	}
	return e
}
