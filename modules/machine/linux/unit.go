package linux

import (
	"context"
	"maps"
	"strings"

	"muster/modules/machine"
)

// tick is how far the kernel's clock for file times may be behind, in microseconds
// (100 Hz kernels): a file that looks barely older than a process may be newer.
const tick = 10_000

// readUnit gives running, enabled, and for a running unit the asked inputs: the
// digests of what its process was started with.
func (s *Store) readUnit(ctx context.Context, name string, fields []string) (machine.State, error) {
	u, err := s.bus.unit(ctx, name)
	if err != nil {
		return nil, unitError(name, "read", err)
	}
	if u.load == "not-found" && u.file == "" {
		return nil, nil
	}
	out := machine.State{"running": machine.Bool(u.running()), "enabled": enabled(u.file)}
	if !u.running() {
		return out, nil
	}
	inputs, err := s.inputs(ctx, name, u, fields)
	if err != nil {
		return nil, unitError(name, "read", err)
	}
	for field, digest := range inputs {
		out[field] = machine.Text(digest)
	}
	return out, nil
}

// enabled words systemd's state of a unit file.
func enabled(file string) machine.Value {
	switch file {
	case "alias", "static", "indirect", "generated", "transient":
		return machine.Text(machine.Static)
	}
	return machine.Bool(file == "enabled" || file == "enabled-runtime")
}

func unitError(name, op string, err error) error {
	return &machine.Error{Object: "unit[" + name + "]", Op: op, Err: err}
}

// inputs says what each asked input was when the process started.
//
// With a record of this very start, the record says it. A newer start of the same
// invocation is a re-execution, which takes over what a reload takes over. Without
// a record, or with one of another invocation (a reboot, a restart by hand, a
// cluster set up by hand), an input that was there before the process counts as
// what it started with. Of a process that muster has started and that does not serve
// yet, nothing counts.
func (s *Store) inputs(ctx context.Context, name string, u unitState, fields []string) (map[string]string, error) {
	rec, ok, err := s.records.load(name)
	if err != nil {
		return nil, err
	}
	same := ok && rec.Invocation == u.invocation
	reexec := same && u.start > rec.Start
	out := map[string]string{}
	if same && !reexec && !s.passes(ctx, rec.Unready) {
		for _, field := range fields {
			if _, _, _, isInput := cutInput(field); isInput {
				out[field] = machine.Stale
			}
		}
		return out, nil
	}
	for _, field := range fields {
		mode, kind, thing, isInput := cutInput(field)
		if !isInput {
			continue
		}
		digest, known := rec.Inputs[field]
		if same && known && !(reexec && mode == machine.Reload && kind != "value") {
			out[field] = digest
			continue
		}
		now, older, err := s.inputNow(kind, thing, since(u, mode, kind))
		if err != nil {
			return nil, err
		}
		switch {
		case older:
			out[field] = now
		case reexec && known:
			out[field] = digest // changed after the re-execution: what was before, is
		default:
			out[field] = machine.Stale
		}
	}
	s.noteInputs(name, u, rec, same, out)
	return out, nil
}

// passes runs the check of a unit that has failed it before, if it has.
func (s *Store) passes(ctx context.Context, check []string) bool {
	if len(check) == 0 {
		return true
	}
	res, err := s.run(ctx, program{argv: check, timeout: checkTime})
	return err == nil && res.Exit == 0
}

// since is the time from which on a change of an input was not taken over any
// more: a re-execution reads what a reload reads, and nothing else. Some lines of
// a file count from there as well: who edited another line and reloaded has no
// daemon with old ones.
func since(u unitState, mode machine.Action, kind string) int64 {
	if mode == machine.Restart && kind != "keys" && u.began != 0 {
		return u.began
	}
	return u.start
}

// noteInputs keeps for SaveRecords what was found, unless the record says it.
func (s *Store) noteInputs(name string, u unitState, rec record, same bool, found map[string]string) {
	next := record{Invocation: u.invocation, Start: u.start, Inputs: map[string]string{}}
	if same {
		maps.Copy(next.Inputs, rec.Inputs)
	}
	fresh := false
	for field, digest := range found {
		if digest == machine.Current {
			fresh = true // SaveRecords knows the value
			continue
		}
		next.Inputs[field] = digest
	}
	if !same || fresh || rec.Start != next.Start || !maps.Equal(rec.Inputs, next.Inputs) {
		s.records.note(name, next)
	}
}

// inputNow is the digest of an input as it is on the node, and whether it has been
// so since before start.
func (s *Store) inputNow(kind, name string, start int64) (digest string, older bool, err error) {
	content := func(text string) string { return text }
	switch kind {
	case "package":
		version, at, err := s.packages.installed(name)
		return s.Digest(version), version == "" || at+tick < start, err
	case "keys":
		at := max(strings.LastIndexByte(name, ':'), 0) // no key has a colon
		keys := strings.Split(strings.TrimPrefix(name[at:], ":"), ",")
		name, content = name[:at], func(text string) string { return machine.KeyLines(text, keys) }
	case "file":
	default:
		return machine.Current, true, nil
	}
	at, ok, err := s.changed(name)
	if err != nil {
		return "", false, err
	}
	state, err := s.readFile(name, []string{"content"})
	// What is not there cannot be newer.
	return s.Digest(content(state.Get("content").S)), !ok || at+tick < start, err
}
