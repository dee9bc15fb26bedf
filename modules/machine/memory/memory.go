// Package memory is a node made of maps: for tests and for simulated fleets. It
// answers programs only from what it was given; anything else is an error.
package memory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"muster/modules/machine"
)

// Store is a machine.Store over maps. It is safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	facts   machine.Facts
	state   map[machine.Ref]machine.State
	answers []answer
	brings  map[string][]machine.Item
	started map[string]machine.State // unit: inputs of the running process
	ran     [][]string
}

type answer struct {
	prefix []string
	result machine.Result
	effect []machine.Item
}

// New makes an empty node with the given facts. root exists as user and group.
func New(facts machine.Facts) *Store {
	s := &Store{facts: facts, state: map[machine.Ref]machine.State{}, brings: map[string][]machine.Item{}, started: map[string]machine.State{}}
	s.Seed(machine.Ref{Table: "user", Key: "root"}, machine.State{"uid": machine.Text("0"), "group": machine.Text("root")})
	s.Seed(machine.Ref{Table: "group", Key: "root"}, machine.State{"gid": machine.Text("0")})
	return s
}

// Seed puts a state as it is, without any write; nil removes the key.
func (s *Store) Seed(ref machine.Ref, state machine.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seed(ref, state)
}

func (s *Store) seed(ref machine.Ref, state machine.State) {
	if state == nil {
		delete(s.state, ref)
		return
	}
	s.state[ref] = state.Clone()
}

// Brings makes the installation of a package bring further things, as a
// postinst script does.
func (s *Store) Brings(pkg string, items ...machine.Item) { s.brings[pkg] = items }

// Answer makes programs whose argv begins with prefix answer with result and
// have the effect of the items. A later answer goes before an earlier one.
func (s *Store) Answer(prefix []string, result machine.Result, effect ...machine.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append([]answer{{prefix, result, effect}}, s.answers...)
}

// Dump returns all states, for comparison.
func (s *Store) Dump() map[machine.Ref]machine.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[machine.Ref]machine.State{}
	for ref, st := range s.state {
		out[ref] = st.Clone()
	}
	return out
}

// Ran lists the argvs of the programs that were run to change something.
func (s *Store) Ran() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ran)
}

// Facts are the facts given to New.
func (s *Store) Facts() machine.Facts { return s.facts }

// Digest is a plain SHA-256: a memory node has no key.
func (s *Store) Digest(content string) string {
	h := sha256.Sum256([]byte(content))
	return hex.EncodeToString(h[:8])
}

// Get returns a key's state. A file's content is given only when asked.
func (s *Store) Get(_ context.Context, _ machine.Machine, ref machine.Ref, fields []string) (machine.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.state[ref]
	if !ok {
		return nil, nil
	}
	out := st.Clone()
	if ref.Table == "file" && !slices.Contains(fields, "content") {
		delete(out, "content")
	}
	if ref.Table == "unit" && out.Get("running").True() {
		for _, f := range fields {
			if _, ok := out[f]; !ok && strings.Contains(f, ":") {
				out[f] = machine.Text(s.input(ref.Key, f))
			}
		}
	}
	return out, nil
}

// input is what a running unit was started with; a process that nobody started
// through this store counts as having what is there now.
func (s *Store) input(unit, field string) string {
	if started, ok := s.started[unit]; ok {
		if v, ok := started[field]; ok {
			return v.S
		}
		return machine.Stale
	}
	return machine.Current
}

// Put writes the items.
func (s *Store) Put(_ context.Context, table string, items []machine.Item, was []machine.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, it := range items {
		if table == "unit" {
			s.putUnit(it, was[i])
			continue
		}
		s.seed(it.Ref, machine.Merge(s.state[it.Ref], plain(it.Want)))
		if table == "package" && it.Want != nil {
			for _, b := range s.brings[it.Ref.Key] {
				s.seed(b.Ref, b.Want)
			}
		}
	}
	return nil
}

// plain forgets that a value was a secret, as a disk does.
func plain(want machine.State) machine.State {
	out := want.Clone()
	for f, v := range out {
		out[f] = machine.Text(v.S)
	}
	return out
}

func (s *Store) putUnit(it machine.Item, was machine.State) {
	action, _ := machine.UnitAction(was, it.Want)
	keep, inputs := machine.State{}, machine.State{}
	for f, v := range it.Want {
		if strings.Contains(f, ":") {
			inputs[f] = v
		} else {
			keep[f] = v
		}
	}
	s.seed(it.Ref, machine.Merge(s.state[it.Ref], keep))
	switch action {
	case machine.Start, machine.Restart:
		s.started[it.Ref.Key] = inputs
	case machine.Reload:
		if s.started[it.Ref.Key] == nil {
			s.started[it.Ref.Key] = was.Clone()
		}
		maps.DeleteFunc(inputs, func(f string, _ machine.Value) bool { return !strings.HasPrefix(f, string(machine.Reload)) })
		maps.Copy(s.started[it.Ref.Key], inputs)
	}
}

// Exec answers from what Answer was told.
func (s *Store) Exec(_ context.Context, r machine.Run, reading bool) (machine.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !reading {
		s.ran = append(s.ran, r.Argv)
	}
	for _, a := range s.answers {
		if len(r.Argv) >= len(a.prefix) && slices.Equal(r.Argv[:len(a.prefix)], a.prefix) {
			for _, it := range a.effect {
				s.seed(it.Ref, it.Want)
			}
			return a.result, nil
		}
	}
	return machine.Result{}, fmt.Errorf("memory machine: no answer for %q", strings.Join(r.Argv, " "))
}
