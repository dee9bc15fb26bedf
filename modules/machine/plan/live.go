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
