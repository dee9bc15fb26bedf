package agent

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/machine/plan"
	"muster/transport/wire"
)

// take gathers steps. With the last part it plans them, or replaces some.
func (s *session) take(ctx context.Context, m wire.Steps) error {
	s.steps = append(s.steps, m.Vertices...)
	if m.More {
		return nil
	}
	vertices := s.steps
	s.steps = nil
	if m.Replace {
		return s.replace(vertices)
	}
	if s.node != nil {
		return errors.New("controller: the steps came twice")
	}
	var steps []plan.Step
	for _, v := range vertices {
		if _, twice := s.vertices[v.ID]; twice || v.ID == 0 {
			return fmt.Errorf("controller: step id %d is zero or came twice", v.ID)
		}
		s.vertices[v.ID] = v
		steps = append(steps, s.step(v))
	}
	s.node = plan.New(&drain{s.store, s.gone}, s.tables(), steps)
	if err := s.load(ctx); err != nil {
		return err
	}
	return s.base(ctx)
}

func (s *session) replace(vertices []wire.Vertex) error {
	if s.node == nil {
		return errors.New("controller: steps to replace came before the steps")
	}
	for _, v := range vertices {
		if _, ok := s.vertices[v.ID]; !ok {
			return fmt.Errorf("controller: step id %d to replace is unknown", v.ID)
		}
		s.vertices[v.ID] = v
		s.node.Replace(s.step(v))
	}
	return nil
}

// load waits for what an agent that is gone has left running, also where it is only
// to plan (a package that is being unpacked would be neither there nor missing), and
// takes over the base that an earlier agent of the run saved.
func (s *session) load(ctx context.Context) error {
	if err := s.adopt(ctx); err != nil {
		return err
	}
	if !s.resumed {
		return nil
	}
	b, err := s.runs.load()
	if err != nil {
		return err
	}
	return s.node.Load(b)
}

func (s *session) adopt(ctx context.Context) error {
	a, ok := s.store.(Adopter)
	if !ok {
		return nil
	}
	ctx, cancel := until(ctx, s.gone)
	defer cancel()
	if _, err := a.Adopt(ctx); err != nil {
		return fmt.Errorf("node: adopt: %w", err)
	}
	return nil
}

// base plans and answers.
func (s *session) base(ctx context.Context) error {
	readOnly := func(f func() error) error { return f() }
	if r, ok := s.store.(Sealer); ok {
		readOnly = r.ReadOnly
	}
	var plans []plan.StepPlan
	err := readOnly(func() error {
		plans = s.node.Plan(ctx)
		return nil
	})
	if err != nil {
		return fmt.Errorf("node: read-only plan: %w", err)
	}
	// A node without changes hears no begin. Its running units are as wanted now; not
	// remembered, a setting that is changed later would look as if they had it.
	if s.Mode == wire.Apply && !s.resumed && !slices.ContainsFunc(plans, touches) {
		if err := errors.Join(s.saveRecords(ctx), s.runs.supersede()); err != nil {
			return fmt.Errorf("node: %w", err)
		}
	}
	var b wire.Base
	for _, p := range plans {
		b.Plans = append(b.Plans, wire.VertexPlan{ID: p.ID, Changes: p.Changes, Failure: s.mask.failure(p.Err)})
	}
	for _, part := range wire.SplitBase(b) {
		if err := s.w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// touches says whether a step will change the node, or might have if it had not failed.
func touches(p plan.StepPlan) bool { return p.Err != nil || len(p.Changes) > 0 }

// begin makes the base durable, before the first write. The file is written
// last: where it exists, all else has been done.
func (s *session) begin(ctx context.Context) error {
	if s.Mode != wire.Apply || s.node == nil {
		return errors.New("controller: begin is for an apply that was planned")
	}
	if s.begun {
		return errors.New("controller: begin came twice")
	}
	err := s.prepare(ctx)
	s.begun = err == nil
	return s.w.Write(wire.Begun{Failure: s.mask.failure(err).Trim()})
}

func (s *session) prepare(ctx context.Context) error {
	if s.resumed {
		return nil
	}
	if err := s.saveRecords(ctx); err != nil {
		return err
	}
	if d, ok := s.store.(Downloader); ok && !s.node.OneInstallation() {
		if err := d.Download(ctx, s.node.Packages()); err != nil {
			return err
		}
	}
	b, err := s.node.Save()
	if err != nil {
		return err
	}
	return errors.Join(s.runs.save(b), s.runs.supersede())
}

// saveRecords saves what the plan has found out about the running units.
func (s *session) saveRecords(ctx context.Context) error {
	r, ok := s.store.(Recorder)
	if !ok {
		return nil
	}
	var want []machine.Item
	for _, u := range s.node.Units() {
		want = append(want, machine.Item{Ref: machine.Ref{Table: "unit", Key: u.Name}, Want: u.Want})
	}
	return r.SaveRecords(ctx, want)
}

// step makes a vertex runnable. One that cannot be is a step that fails.
func (s *session) step(v wire.Vertex) plan.Step {
	p := plan.Step{ID: v.ID, Name: v.Name, Waits: v.Waits}
	config, reads, err := s.decode(v)
	if err != nil {
		p.Ensure = func(context.Context, machine.Machine) error { return err }
		return p
	}
	s.mask.add(config)
	p.Reads = reads
	p.Ensure = func(ctx context.Context, m machine.Machine) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = &bug{r, debug.Stack()}
			}
		}()
		return config.Ensure(ctx, m)
	}
	return p
}

func (s *session) decode(v wire.Vertex) (modules.Config, [][]string, error) {
	i := slices.IndexFunc(s.Modules, func(m modules.Module) bool { return m.Name == v.Module })
	if i < 0 {
		return nil, nil, fmt.Errorf("module %q: this agent does not have it", v.Module)
	}
	m := s.Modules[i]
	if os := s.store.Facts().OS; len(m.OS) > 0 && !slices.Contains(m.OS, os) {
		return nil, nil, fmt.Errorf("%s: %s is not supported, only %s", m.Name, os, strings.Join(m.OS, ", "))
	}
	config, err := modules.Decode(m, v.Config)
	return config, m.Reads, err
}

func (s *session) tables() map[string]machine.Table {
	out := map[string]machine.Table{}
	for _, m := range s.Modules {
		for _, t := range m.Tables {
			out[t.Name()] = t
		}
	}
	return out
}
