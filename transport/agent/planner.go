package agent

import (
	"context"
	"slices"
	"sync"

	"muster/modules"
	"muster/modules/machine"
	"muster/modules/machine/plan"
	"muster/transport/wire"
)

// Planner plans nodes that begin alike, without an agent on any of them: what a step
// would do on one is not worked out again for the next (see plan.Memo).
type Planner struct {
	mu      sync.Mutex
	modules []modules.Module
	tables  map[string]machine.Table
	memo    *plan.Memo
	kinds   map[kind]int32
	mask    mask
	fitted  map[*machine.Change][]machine.Change // by the first change of a list
	alike   []plan.Alike                         // of the last node, for its room
}

// kind tells steps apart that may do different things on nodes that are alike.
type kind struct{ module, os, config string }

// NewPlanner makes a planner for steps of these modules.
func NewPlanner(list []modules.Module) *Planner {
	s := &session{Options: Options{Modules: list}}
	return &Planner{modules: list, tables: s.tables(), memo: plan.NewMemo(), kinds: map[kind]int32{}, fitted: map[*machine.Change][]machine.Change{}}
}

// Plan answers as the agent of the node would. All stores have the same state, but for
// the things in own. The changes are shared between nodes and may not be written.
func (p *Planner) Plan(ctx context.Context, store machine.Store, steps []wire.Vertex, own ...machine.Ref) wire.Base {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &session{Options: Options{Modules: p.modules}, store: store, mask: p.mask}
	os := store.Facts().OS
	p.alike = p.alike[:0]
	for i := range steps {
		p.alike = append(p.alike, plan.Alike{ID: steps[i].ID, Kind: p.kind(&steps[i], os)})
	}
	plans, ok := p.memo.Plan(ctx, store, p.tables, p.alike, func(i int) plan.Step { return s.step(steps[i]) }, own...)
	if !ok {
		var all []plan.Step
		for _, v := range steps {
			all = append(all, s.step(v))
		}
		plans = plan.New(store, p.tables, all).Plan(ctx)
	}
	p.mask = s.mask
	b := wire.Base{Plans: make([]wire.VertexPlan, len(plans))}
	for i, x := range plans {
		b.Plans[i] = wire.VertexPlan{ID: x.ID, Changes: p.fit(x.Changes), Failure: s.mask.failure(x.Err).Trim()}
	}
	return b
}

func (p *Planner) kind(v *wire.Vertex, os string) int32 {
	n, ok := p.kinds[kind{v.Module, os, string(v.Config)}]
	if !ok {
		n = int32(len(p.kinds))
		p.kinds[kind{v.Module, os, string(v.Config)}] = n
	}
	return n
}

// fit makes changes as they are after they have travelled, once for each list.
func (p *Planner) fit(list []machine.Change) []machine.Change {
	if len(list) == 0 {
		return nil
	}
	out, ok := p.fitted[&list[0]]
	switch {
	case ok:
		return out
	case slices.ContainsFunc(list, func(c machine.Change) bool { return long(c.Was) || long(c.Want) }):
		for _, part := range wire.SplitBase(wire.Base{Plans: []wire.VertexPlan{{Changes: list}}}) {
			for _, x := range part.Plans {
				out = append(out, x.Changes...)
			}
		}
	default:
		out = list
	}
	p.fitted[&list[0]] = out
	return out
}

func long(s machine.State) bool {
	for _, v := range s {
		if len(v.S) > wire.MaxValue {
			return true
		}
	}
	return false
}
