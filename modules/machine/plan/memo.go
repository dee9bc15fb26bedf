package plan

import (
	"context"
	"slices"

	"muster/modules/machine"
)

// Memo plans nodes that all begin alike, such as nodes of which only the facts are
// known, and remembers what each step would do: a step that was seen before, and
// meets all it looks at as it met it then, is not run again. The lists of changes are
// shared between nodes and may not be written. A Memo is for one goroutine at a time.
type Memo struct {
	known map[memoKey][]*foreseen
	ids   map[machine.Ref]int32 // dense numbers of the things that steps look at
	last  []int32               // by number, on the present node: which outcome wrote it
	count int32                 // outcomes made so far
	plans []StepPlan            // of the last node, for its room
}

// Alike is a step as a Memo tells it from others: equal steps have the same Kind.
type Alike struct {
	ID   uint32
	Kind int32
}

// maxOutcomes is how many outcomes of a kind are remembered: a step that finds
// something else on every node is run on every node.
const maxOutcomes = 64

// memoKey is what an outcome depends on beside the things that the step looks at.
type memoKey struct {
	kind                int32
	installing, sources bool // what the layers below would do, see view
}

// foreseen is what a step would do on one node, and what it had found there.
type foreseen struct {
	id    int32
	plan  StepPlan
	layer *layer // what it would write, over nothing; nil after an error
	// looked are the things that it looked at, found which outcome had written each
	// of them last: 0 is the node as it was.
	looked, found []int32
	wrote         []int32
	tabled        []int32 // of looked, those that a module's own table answered
	sources       bool    // it would change a package source
}

// looks is what a view is asked for; see Memo.
type looks struct {
	refs   map[machine.Ref]bool // true where a module's own table answered
	beyond bool                 // the node's facts: they differ
}

// look notes that a step looks at a thing, for who wants to know.
func (v *view) look(ref machine.Ref) {
	if v.looks != nil {
		_, v.looks.refs[ref] = v.tables[ref.Table]
	}
}

// NewMemo makes an empty one.
func NewMemo() *Memo { return &Memo{known: map[memoKey][]*foreseen{}, ids: map[machine.Ref]int32{}} }

// Plan says what the steps would change on a node: store has the state, and gives the
// answers, of all the nodes before, but for the things in own; build gives the step at a
// place in steps when it has to be run. ok is false when that
// cannot be told from what other nodes did: then the node has to be planned by itself.
// The slice is good until the next call.
func (m *Memo) Plan(ctx context.Context, store machine.Store, tables map[string]machine.Table, steps []Alike, build func(i int) Step, own ...machine.Ref) (plans []StepPlan, ok bool) {
	clear(m.last)
	for _, ref := range own {
		m.count++ // an outcome that no other node has
		m.last[m.number(ref)] = m.count
	}
	n := &memoNode{memo: m, env: env{store: store, tables: tables}, tabled: map[int32]bool{}}
	m.plans = m.plans[:0]
	for i, s := range steps {
		o := n.step(ctx, s.Kind, func() Step { return build(i) })
		if o == nil {
			return nil, false
		}
		m.plans = append(m.plans, StepPlan{ID: s.ID, Changes: o.plan.Changes, Err: o.plan.Err})
	}
	return m.plans, true
}

func (m *Memo) number(ref machine.Ref) int32 {
	n, ok := m.ids[ref]
	if !ok {
		n = int32(len(m.ids))
		m.ids[ref] = n
		m.last = append(m.last, 0)
	}
	return n
}

// memoNode is one node while it is planned.
type memoNode struct {
	memo *Memo
	env  env
	done []*foreseen
	// top holds the layers of the outcomes before laid.
	top    *layer
	laid   int
	tabled map[int32]bool
	// installing and sources are of the next step's key.
	installing, sources bool
}

// step finds or makes the outcome of a step; nil when there can be none.
func (n *memoNode) step(ctx context.Context, kind int32, build func() Step) *foreseen {
	key := memoKey{kind, n.installing, n.sources}
	known, again := n.memo.known[key]
	var o *foreseen
	if i := slices.IndexFunc(known, n.fits); i >= 0 {
		o = known[i]
	} else {
		if o = n.run(ctx, build()); o == nil {
			return nil
		}
		if !again {
			n.memo.known[key] = nil // what comes but once is not worth its memory
		} else if len(known) < maxOutcomes {
			n.memo.known[key] = append(known, o)
		}
	}
	for _, ref := range o.tabled {
		// The first answer of a table is that of the whole plan, and it was another step's.
		if n.tabled[ref] {
			return nil
		}
		n.tabled[ref] = true
	}
	if o.layer != nil { // or it will not be done, and nothing may count on it
		n.done = append(n.done, o)
		n.installing, n.sources = n.installing || o.layer.installs, n.sources || o.sources
		for _, ref := range o.wrote {
			n.memo.last[ref] = o.id
		}
	}
	return o
}

// fits says whether a step would find what it had found when the outcome was made.
func (n *memoNode) fits(o *foreseen) bool {
	for i, ref := range o.looked {
		if n.memo.last[ref] != o.found[i] {
			return false
		}
	}
	return true
}

// run runs a step on this node, over all that the steps before it would write.
func (n *memoNode) run(ctx context.Context, s Step) *foreseen {
	for _, o := range n.done[n.laid:] {
		l := *o.layer
		l.below, n.top = n.top, &l
	}
	n.laid = len(n.done)
	e := n.env
	e.reads = s.Reads
	v := newView(e, newBase(), n.top)
	v.looks = &looks{refs: map[machine.Ref]bool{}}
	err := s.Ensure(ctx, v)
	if v.looks.beyond {
		return nil
	}
	n.memo.count++
	o := &foreseen{id: n.memo.count, plan: StepPlan{Changes: v.changes, Err: err}}
	for ref, tabled := range v.looks.refs {
		id := n.memo.number(ref)
		o.looked, o.found = append(o.looked, id), append(o.found, n.memo.last[id])
		if tabled {
			o.tabled = append(o.tabled, id)
		}
	}
	if err != nil {
		return o
	}
	v.top.below = nil
	o.layer, o.sources = v.top, v.top.touches(isPackageSource)
	for ref := range v.top.dirty {
		o.wrote = append(o.wrote, n.memo.number(ref))
	}
	return o
}
