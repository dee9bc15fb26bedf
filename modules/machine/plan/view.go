package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"muster/modules/machine"
)

// env is what all machines of a node share.
type env struct {
	store  machine.Store
	tables map[string]machine.Table
	reads  [][]string // what the current module's queries may run
}

// view is the copy-on-write machine: it reads through to a base and keeps what
// would be written.
type view struct {
	env
	base    *base
	top     *layer
	changes []machine.Change
	units   map[string]machine.UnitRead
	looks   *looks // nil: nobody wants to know
}

func newView(e env, b *base, below *layer) *view {
	return &view{env: e, base: b, top: newLayer(below), units: map[string]machine.UnitRead{}}
}

// Facts are the node's facts.
func (v *view) Facts() machine.Facts {
	if v.looks != nil {
		v.looks.beyond = true
	}
	return v.store.Facts()
}

// Digest is the store's keyed digest.
func (v *view) Digest(content string) string { return v.store.Digest(content) }

// Read gives the state as it would be.
func (v *view) Read(ctx context.Context, ref machine.Ref, fields ...string) (machine.State, error) {
	v.look(ref)
	if ref.Table == "package_candidate" && v.top.touches(isPackageSource) {
		return unknown(nil, fields, "after the change of the package sources"), nil
	}
	s, smeared, ok := v.top.find(ref)
	switch {
	case ok && smeared:
		return unknown(nil, fields, "not read in the plan"), nil
	case ok && (s == nil || hasAll(s, fields)):
		return s, nil
	}
	below, err := v.base.read(ctx, ref, fields, v.fetch)
	if err != nil || !ok {
		return below, err
	}
	return fill(s, below, fields), nil
}

func (v *view) fetch(ctx context.Context, ref machine.Ref, fields []string) (machine.State, error) {
	if t, ok := v.tables[ref.Table]; ok {
		return t.Read(ctx, v, ref.Key, fields)
	}
	return v.store.Get(ctx, v, ref, fields)
}

func hasAll(s machine.State, fields []string) bool {
	for _, f := range fields {
		if _, ok := s[f]; !ok {
			return false
		}
	}
	return len(fields) > 0
}

// isPackageSource: what lies there decides which packages there are.
func isPackageSource(ref machine.Ref) bool {
	return ref.Table == "file" && (strings.HasPrefix(ref.Key, "/etc/apt/") || strings.HasPrefix(ref.Key, "/etc/yum.repos.d/"))
}

// fill completes a state that would be with fields of the one that is. A field
// that neither has is decided when the thing is made.
func fill(over, below machine.State, fields []string) machine.State {
	out := machine.State{}
	maps.Copy(out, below)
	maps.Copy(out, over)
	for _, f := range fields {
		if _, ok := out[f]; !ok && below == nil {
			out[f] = machine.Unknown("decided when it is made")
		}
	}
	return out
}

// compared is one item against what it would be laid on.
type compared struct {
	item            machine.Item
	was             machine.State // whole, as read
	dWas, dWant     machine.State // the fields that differ
	differs         bool
	hashWas, hashed machine.State // with secrets as digests
}

// compare reads an item through m and says what differs.
func compare(ctx context.Context, m machine.Machine, it machine.Item) (compared, error) {
	was, err := m.Read(ctx, it.Ref, it.Want.Fields()...)
	if err != nil {
		return compared{}, err
	}
	c := compared{item: it, was: was}
	c.hashWas, c.hashed = machine.Hash(was, it.Want, m.Digest)
	if it.Ref.Table == "unit" {
		c.bend()
	}
	c.dWas, c.dWant, c.differs = machine.Diff(c.hashWas, c.hashed)
	if it.Want == nil {
		// Whatever had looked into the file, what goes with it is nobody's to read.
		delete(c.dWas, "content")
	}
	if it.Ref.Table == "unit" && !was.Get("running").True() {
		dropInputs(c.dWas)
		dropInputs(c.dWant)
		c.differs = it.Want == nil && was != nil || len(c.dWant) > 0
	}
	return c, nil
}

// bend makes a unit's state as read fit what is wanted where there is nothing to
// do: a static unit cannot be enabled or disabled, and one that does not exist is
// neither running nor enabled.
func (c *compared) bend() {
	want, asked := c.hashed["enabled"]
	if asked && c.hashWas.Get("enabled").S == machine.Static {
		c.hashWas["enabled"] = want
	}
	if c.was == nil && c.hashed != nil && !c.hashed.Get("running").True() && !want.True() && !c.hashed.Unknown() {
		c.hashWas = c.hashed
	}
}

// dropInputs forgets the inputs of a unit that does not run: nothing was started
// with them.
func dropInputs(s machine.State) {
	maps.DeleteFunc(s, func(f string, _ machine.Value) bool { return strings.Contains(f, ":") })
}

// change words a comparison as a change of the list.
func (c compared) change(list []machine.Change) machine.Change {
	ch := machine.Change{Table: c.item.Ref.Table, Key: c.item.Ref.Key, Was: c.dWas, Want: c.dWant, Nth: nth(list, c.item.Ref, false)}
	if c.item.Ref.Table == "unit" {
		ch.Note = machine.UnitNote(c.hashWas, c.hashed)
	}
	return ch
}

// nth counts the changes of a key, or the repairs: these take no place among what
// was planned.
func nth(list []machine.Change, ref machine.Ref, repairs bool) int {
	n := 0
	for _, c := range list {
		if c.Ref() == ref && (c.Outcome == machine.Repair) == repairs {
			n++
		}
	}
	return n
}

// Set records what would be written.
func (v *view) Set(ctx context.Context, items ...machine.Item) error {
	for _, it := range items {
		c, err := compare(ctx, v, it)
		if err != nil {
			return err
		}
		v.seen(c)
		if !c.differs {
			continue
		}
		if err := v.owners(ctx, it); err != nil {
			return err
		}
		v.changes = append(v.changes, c.change(v.changes))
		v.top.set(it.Ref, machine.Merge(c.was, it.Want))
	}
	return nil
}

// seen keeps what was read of a unit, for the records of adopted processes.
func (v *view) seen(c compared) {
	v.base.hide(c.item.Ref, c.item.Want)
	if c.item.Ref.Table == "unit" {
		v.units[c.item.Ref.Key] = machine.UnitRead{Name: c.item.Ref.Key, Was: c.hashWas, Want: c.hashed}
	}
}

// owners refuses an owner that does not exist, unless a package that would be
// installed may bring it.
func (v *view) owners(ctx context.Context, it machine.Item) error {
	if it.Ref.Table != "file" {
		return nil
	}
	for field, table := range map[string]string{"owner": "user", "group": "group"} {
		name := it.Want.Get(field).S
		if _, err := strconv.Atoi(name); name == "" || name == "root" || err == nil {
			continue
		}
		s, err := v.Read(ctx, machine.Ref{Table: table, Key: name})
		if err != nil {
			return err
		}
		if s != nil || v.top.isInstalling() {
			continue
		}
		// The table is the node's own; a directory service may know the name.
		if s, err = v.Read(ctx, machine.Ref{Table: "name_service", Key: table + " " + name}, "id"); err != nil {
			return err
		}
		if s == nil {
			return &machine.Error{Object: it.Ref.String(), Op: field, Err: fmt.Errorf("no %s %q on this node", table, name),
				Hint: "make it in an earlier step, or name one that exists"}
		}
	}
	return nil
}

// Query answers as the node stands, or is unknown where an input would differ.
func (v *view) Query(ctx context.Context, q machine.Query) (machine.Result, error) {
	if err := v.allowed(q.Argv); err != nil {
		return machine.Result{}, err
	}
	for _, ref := range q.Reads {
		v.look(ref)
		if v.top.isDirty(ref) {
			return machine.Result{Unknown: true, Why: "after " + ref.String()}, nil
		}
	}
	return v.base.query(q, func() (machine.Result, error) { return ask(ctx, v.store, q) })
}

// allowed holds a module to the programs it declared as reading.
func (e env) allowed(argv []string) error {
	for _, prefix := range e.reads {
		if len(argv) >= len(prefix) && slices.Equal(argv[:len(prefix)], prefix) {
			return nil
		}
	}
	return fmt.Errorf("query %q: not among the programs that its module declares as reading", strings.Join(argv, " "))
}

// ask runs a query on the node; an exit code that is no answer is an error.
func ask(ctx context.Context, s machine.Store, q machine.Query) (machine.Result, error) {
	r, err := s.Exec(ctx, machine.Run{Argv: q.Argv, Stdin: q.Stdin, Timeout: q.Timeout}, true)
	if err != nil {
		return r, err
	}
	if r.Exit != 0 && !slices.Contains(q.OK, r.Exit) {
		return r, &machine.Error{Object: "query", Op: q.Argv[0], Err: fmt.Errorf("exit status %d", r.Exit),
			Command: q.Argv, Exit: r.Exit, Stderr: r.Stderr}
	}
	return r, nil
}

// Run is only recorded; what it may write is unknown from here on.
func (v *view) Run(_ context.Context, r machine.Run) (machine.Result, error) {
	v.changes = append(v.changes, runChange(r, v.changes))
	for _, ref := range r.Writes {
		v.top.smear(ref)
	}
	return machine.Result{Unknown: true, Why: "after " + r.Argv[0]}, nil
}

func runChange(r machine.Run, list []machine.Change) machine.Change {
	name := r.Name
	if name == "" {
		name = strings.Join(r.Argv, " ")
	}
	c := machine.Change{Table: "run", Key: name, Opaque: r.Opaque,
		Want: machine.State{"argv": machine.Text(strings.Join(r.Argv, " "))}}
	c.Nth = nth(list, c.Ref(), false)
	return c
}
