package plan

import (
	"context"
	"fmt"
	"slices"

	"muster/modules/machine"
)

// live is the node itself: it reads, compares and writes at once. The tee writes
// through it.
type live struct {
	env
	output func(string)
}

// Facts are the node's facts.
func (l *live) Facts() machine.Facts { return l.store.Facts() }

// Digest is the store's keyed digest.
func (l *live) Digest(content string) string { return l.store.Digest(content) }

// Read gives the state as it is.
func (l *live) Read(ctx context.Context, ref machine.Ref, fields ...string) (machine.State, error) {
	if t, ok := l.tables[ref.Table]; ok {
		return t.Read(ctx, l, ref.Key, fields)
	}
	return l.store.Get(ctx, l, ref, fields)
}

// Set writes what differs.
func (l *live) Set(ctx context.Context, items ...machine.Item) error {
	var write []compared
	for _, it := range items {
		c, err := compare(ctx, l, it)
		if err != nil {
			return err
		}
		if c.differs {
			write = append(write, c)
		}
	}
	return l.write(ctx, write)
}

// write puts compared items, those of one table that stand together at once.
func (l *live) write(ctx context.Context, list []compared) error {
	for len(list) > 0 {
		table := list[0].item.Ref.Table
		n := slices.IndexFunc(list, func(c compared) bool { return c.item.Ref.Table != table })
		if n < 0 {
			n = len(list)
		}
		if err := l.put(ctx, table, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (l *live) put(ctx context.Context, table string, list []compared) error {
	for _, c := range list {
		if err := known(c.item); err != nil {
			return err
		}
		if err := l.inputs(ctx, c); err != nil {
			return err
		}
	}
	t, own := l.tables[table]
	if !own {
		items, was := make([]machine.Item, len(list)), make([]machine.State, len(list))
		for i, c := range list {
			items[i], was[i] = c.item, c.was
		}
		return l.store.Put(ctx, table, items, was)
	}
	for _, c := range list {
		if err := t.Write(ctx, l.exec, c.item.Ref.Key, c.was, c.item.Want); err != nil {
			return err
		}
	}
	return nil
}

// known refuses to write a value that is not there even now, such as a secret that
// was never made: what would be written is nothing at all.
func known(it machine.Item) error {
	for _, f := range it.Want.Fields() {
		if v := it.Want[f]; v.Unknown {
			return &machine.Error{Object: it.Ref.String(), Op: "write", Err: fmt.Errorf("%s is not known (%s)", f, v.Why)}
		}
	}
	return nil
}

// inputs refuses to start a unit with something else than what it is wanted to be
// started with: the step that was to write it has failed or has not been done. The
// unit would run with the old, be remembered as having the new, and miss the restart.
func (l *live) inputs(ctx context.Context, c compared) error {
	if c.item.Ref.Table != "unit" {
		return nil
	}
	action, _ := machine.UnitAction(c.was, c.item.Want)
	if action == machine.None || action == machine.Stop {
		return nil
	}
	for _, f := range c.item.Want.Fields() {
		in, ok := machine.InputOf(f)
		if !ok || in.Value != "" {
			continue
		}
		now, err := in.Digest(ctx, l)
		if err != nil {
			return err
		}
		if now.S != c.item.Want[f].S {
			return &machine.Error{Object: c.item.Ref.String(), Op: string(action),
				Err:  fmt.Errorf("%s is %w", in.File+in.Package, machine.ErrDeviation),
				Hint: "what it is started with has changed since the plan, or the step that writes it was not done: let this one come `after` it"}
		}
	}
	return nil
}

// Query asks the node.
func (l *live) Query(ctx context.Context, q machine.Query) (machine.Result, error) {
	if err := l.allowed(q.Argv); err != nil {
		return machine.Result{}, err
	}
	return ask(ctx, l.store, q)
}

// Run runs the program; an exit code outside OK is an error.
func (l *live) Run(ctx context.Context, r machine.Run) (machine.Result, error) {
	return l.exec(ctx, r)
}

func (l *live) exec(ctx context.Context, r machine.Run) (machine.Result, error) {
	res, err := l.store.Exec(ctx, r, false)
	if err != nil {
		return res, err
	}
	if l.output != nil && res.Stdout+res.Stderr != "" {
		l.output(res.Stdout + res.Stderr)
	}
	if res.Exit != 0 && !slices.Contains(r.OK, res.Exit) {
		return res, &machine.Error{Object: "run", Op: r.Argv[0], Err: fmt.Errorf("exit status %d", res.Exit),
			Command: r.Argv, Exit: res.Exit, Stderr: res.Stderr}
	}
	return res, nil
}
