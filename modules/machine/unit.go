package machine

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
)

// Keys of Item.How for units.
const (
	// HowReload is the argv, joined by NUL, that reloads the unit; systemctl reload
	// where it is missing.
	HowReload = "reload"
	// HowReady is the argv, joined by NUL, that exits 0 once the unit serves; it is
	// polled after a start, restart or reload.
	HowReady = "ready"
	// HowReexec is "true" for a unit whose reload re-executes it: the reload is
	// over when its main process has started anew.
	HowReexec = "reexec"
)

// Input is something a running unit was started with.
type Input struct {
	// One of File (a path), Package (a name) and Value (a name; Text is its value).
	File, Package, Value string
	Text                 string
	// Keys narrows a File to its lines "Key = ..." with one of these keys (case does
	// not matter): only their change counts.
	Keys []string
	// Reload says that a reload takes a change over; otherwise it needs a restart.
	Reload bool
}

func (i Input) ref() (kind, name string) {
	switch {
	case len(i.Keys) > 0:
		return "keys", i.File + ":" + strings.Join(i.Keys, ",")
	case i.File != "":
		return "file", i.File
	case i.Package != "":
		return "package", i.Package
	}
	return "value", i.Value
}

// Field is the input's field in a unit's state, "restart:file:/etc/munge/munge.key".
// Its value is the keyed digest of what the running process was started with
// (read) or of what it should have been started with (wanted).
func (i Input) Field() string {
	kind, name := i.ref()
	if i.Reload {
		return "reload:" + kind + ":" + name
	}
	return "restart:" + kind + ":" + name
}

// InputOf is the inverse of Field. A Value input comes back without its text; ok is
// false for a field that is no input.
func InputOf(field string) (in Input, ok bool) {
	mode, rest, _ := strings.Cut(field, ":")
	kind, name, ok := strings.Cut(rest, ":")
	if !ok || (mode != string(Restart) && mode != string(Reload)) {
		return Input{}, false
	}
	in.Reload = mode == string(Reload)
	switch kind {
	case "keys":
		at := max(strings.LastIndexByte(name, ':'), 0) // no key has a colon
		in.File, in.Keys = name[:at], strings.Split(strings.TrimPrefix(name[at:], ":"), ",")
	case "file":
		in.File = name
	case "package":
		in.Package = name
	case "value":
		in.Value = name
	default:
		return Input{}, false
	}
	return in, true
}

// Static is the value of the field "enabled" of a unit that nobody can enable or
// disable (static, generated, indirect, alias): what brings it up at boot is not
// in its hands, and it matches whatever is wanted.
const Static = "static"

// Stale is the value of an input field when what the process was started with
// is not known any more, only that it was something older.
const Stale = "(older)"

// Unit is the wanted state of a systemd unit. Its fields in a State are
// "running" and "enabled" ("true", "false") and one per input.
type Unit struct {
	Name    string // with its suffix: slurmd.service
	Running bool
	Enabled bool
	Inputs  []Input
	// Reload, Ready and Reexec: see HowReload, HowReady and HowReexec.
	Reload, Ready []string
	Reexec        bool
}

// EnsureUnit asks m for the unit, with the digests of its inputs as m sees them:
// in a plan, as they would be.
func EnsureUnit(ctx context.Context, m Machine, u Unit) error {
	want := State{"running": Bool(u.Running), "enabled": Bool(u.Enabled)}
	for _, in := range u.Inputs {
		if !u.Running {
			break
		}
		v, err := in.Digest(ctx, m)
		if err != nil {
			return err
		}
		want[in.Field()] = v
	}
	how := map[string]string{}
	for k, argv := range map[string][]string{HowReload: u.Reload, HowReady: u.Ready} {
		if len(argv) > 0 {
			how[k] = strings.Join(argv, "\x00")
		}
	}
	if u.Reexec {
		how[HowReexec] = "true"
	}
	return m.Set(ctx, Item{Ref: Ref{"unit", u.Name}, Want: want, How: how})
}

// Digest is the digest of an input as m sees it.
func (i Input) Digest(ctx context.Context, m Machine) (Value, error) {
	kind, name := i.ref()
	if kind == "keys" {
		s, err := readBrought(ctx, m, Ref{"file", i.File}, "content")
		if v := s.Get("content"); err != nil || v.Unknown {
			return v, err
		}
		return Text(m.Digest(KeyLines(s.Get("content").S, i.Keys))), nil
	}
	field := map[string]string{"file": "content", "package": "version"}[kind]
	if field == "" {
		return digest(m, Text(i.Text)), nil
	}
	s, err := readBrought(ctx, m, Ref{kind, name}, field)
	if err != nil {
		return Value{}, err
	}
	if is := s.Get("type"); kind == "file" && !is.Unknown && is.S != "" && is.S != "file" {
		return Value{}, &Error{Object: "file[" + name + "]", Op: "input of a unit", Err: errNoContent,
			Hint: "it is a " + is.S + "; name the file that the unit reads"}
	}
	return digest(m, s.Get(field)), nil
}

// readBrought reads a key, also one that a planned package has brought meanwhile: a
// unit is started with what is there then.
func readBrought(ctx context.Context, m Machine, ref Ref, field string) (State, error) {
	s, err := m.Read(ctx, ref, field)
	if b, ok := m.(Bringer); ok && s == nil && err == nil {
		return b.Brought(ctx, ref, field)
	}
	return s, err
}

// errNoContent: a change behind it would never be seen.
var errNoContent = errors.New("not a regular file")

func digest(m Machine, v Value) Value {
	switch {
	case v.Unknown:
		return Unknown(v.Why)
	case v.Hashed:
		return Text(v.S)
	}
	return Text(m.Digest(v.S))
}

// KeyLines returns the lines of a configuration file that set one of the keys, as
// "key=value" with the key in lower case: in order of the keys, those of one key
// as in the file. Equal settings, written by whoever, give equal lines.
func KeyLines(content string, keys []string) string {
	var out [][2]string
	for line := range strings.Lines(content) {
		key, value, ok := strings.Cut(line, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if ok && slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, key) }) {
			out = append(out, [2]string{key, strings.TrimSpace(value)})
		}
	}
	slices.SortStableFunc(out, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var b strings.Builder
	for _, kv := range out {
		b.WriteString(kv[0] + "=" + kv[1] + "\n")
	}
	return b.String()
}

// Action is what has to be done to a unit.
type Action string

// The actions. Enabling and disabling go beside them.
const (
	None    Action = ""
	Start   Action = "start"
	Stop    Action = "stop"
	Restart Action = "restart"
	Reload  Action = "reload"
)

// UnitAction compares a unit's state with the wanted one and says what to do,
// and because of which inputs (their short names, sorted).
func UnitAction(was, want State) (Action, []string) {
	running, asked := was.Get("running").True(), want.Get("running").True()
	_, hasRunning := want["running"]
	switch {
	case hasRunning && running && !asked:
		return Stop, nil
	case asked && !running:
		return Start, nil
	case !asked:
		return None, nil
	}
	action, why := None, []string(nil)
	for f, w := range want {
		mode, rest, ok := strings.Cut(f, ":")
		if h, had := was[f]; !ok || (had && same(f, h, w)) {
			continue
		}
		if mode == string(Restart) {
			action = Restart
		} else if action == None {
			action = Reload
		}
		why = append(why, shortInput(rest))
	}
	slices.Sort(why)
	return action, slices.Compact(why)
}

func shortInput(rest string) string {
	kind, name, _ := strings.Cut(rest, ":")
	if kind == "keys" {
		name, _, _ = strings.Cut(name, ":")
	}
	return path.Base(name)
}

// UnitNote words the action for a plan: "restart (slurm.conf)".
func UnitNote(was, want State) string {
	a, why := UnitAction(was, want)
	if len(why) == 0 {
		return string(a)
	}
	return string(a) + " (" + strings.Join(why, ", ") + ")"
}

// UnitRead is what a plan saw of a unit and what it wanted: what an agent needs
// to save a record for a process that muster did not start.
type UnitRead struct {
	Name      string
	Was, Want State
}
