// Package plan is the copy-on-write machine, the base that remembers what a plan
// has read, and the tee that applies a plan so that it reports the plan's own
// changes. The rules it keeps are told in ARCHITECTURE.md.
package plan

import (
	"context"
	"maps"
	"slices"
	"sync"

	"muster/modules/machine"
)

// record is the first read of a key: the state and the fields that were asked.
type record struct {
	State machine.State `cbor:"s"`
	Asked []string      `cbor:"a"`
	// All says that the whole cheap state was asked (no field named).
	All bool `cbor:"all,omitempty"`
}

func (r *record) covers(fields []string) bool {
	if r.State == nil {
		return true
	}
	if len(fields) == 0 {
		return r.All
	}
	for _, f := range fields {
		if _, has := r.State[f]; !has && !slices.Contains(r.Asked, f) {
			return false
		}
	}
	return true
}

// base keeps every first read of a plan. Once sealed it answers only from what
// it has: anything else is unknown.
type base struct {
	mu      sync.Mutex
	reads   map[machine.Ref]*record
	queries map[string]machine.Result
	// hidden are answers that hold secrets: kept in memory only.
	hidden map[string]machine.Result
	// secret are the fields that a step wants as secrets, also those that are right
	// already and so in no change.
	secret map[machine.Ref]machine.State
	sealed bool
}

func newBase() *base {
	return &base{reads: map[machine.Ref]*record{}, queries: map[string]machine.Result{},
		hidden: map[string]machine.Result{}, secret: map[machine.Ref]machine.State{}}
}

// hide notes the secret fields of a wanted state.
func (b *base) hide(ref machine.Ref, want machine.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for f, v := range want {
		if !v.Secret {
			continue
		}
		if b.secret[ref] == nil {
			b.secret[ref] = machine.State{}
		}
		b.secret[ref][f] = machine.Value{Secret: true}
	}
}

type fetch func(ctx context.Context, ref machine.Ref, fields []string) (machine.State, error)

// read answers from the records, or fetches and records what is missing.
func (b *base) read(ctx context.Context, ref machine.Ref, fields []string, get fetch) (machine.State, error) {
	b.mu.Lock()
	r, ok := b.reads[ref]
	sealed := b.sealed
	b.mu.Unlock()
	if ok && r.covers(fields) {
		return r.State, nil
	}
	if sealed {
		return unread(r, fields), nil
	}
	s, err := get(ctx, ref, fields)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !ok {
		r = &record{State: s.Clone()}
		b.reads[ref] = r
	} else if s != nil {
		// The first read of a field counts: what was known before stays.
		merged := s.Clone()
		maps.Copy(merged, r.State)
		r.State = merged
	}
	r.All = r.All || len(fields) == 0
	r.Asked = append(r.Asked, fields...)
	return r.State, nil
}

// unread is the state of a key that the plan never read: unknown where asked.
func unread(r *record, fields []string) machine.State {
	if r == nil {
		return unknown(nil, fields, "not read in the plan")
	}
	return unknown(r.State, fields, "not read in the plan")
}

// unknown completes what is known of a key.
func unknown(known machine.State, fields []string, why string) machine.State {
	s := machine.State{}
	maps.Copy(s, known)
	if len(fields) == 0 {
		s[""] = machine.Unknown(why)
	}
	for _, f := range fields {
		if _, ok := s[f]; !ok {
			s[f] = machine.Unknown(why)
		}
	}
	return s
}

// query answers from the records or asks and records.
func (b *base) query(q machine.Query, ask func() (machine.Result, error)) (machine.Result, error) {
	answers := b.queries
	if q.Secret {
		answers = b.hidden
	}
	b.mu.Lock()
	r, ok := answers[q.Key()]
	sealed := b.sealed
	b.mu.Unlock()
	if ok {
		return r, nil
	}
	if sealed {
		return machine.Result{Unknown: true, Why: "not asked in the plan"}, nil
	}
	r, err := ask()
	if err != nil {
		return r, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	answers[q.Key()] = r
	return r, nil
}
