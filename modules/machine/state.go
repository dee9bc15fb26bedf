package machine

import (
	"maps"
	"slices"
)

// Value is one field of a state, as canonical text: booleans are "true" and
// "false", numbers decimal, modes four octal digits ("0644"), lists joined by
// newlines. S is meaningless while Unknown is set.
type Value struct {
	S string `cbor:"s,omitempty" json:"value,omitempty"`
	// Unknown marks a value that cannot be had before an apply. Why says what
	// it waits for, for people.
	Unknown bool   `cbor:"u,omitempty" json:"unknown,omitempty"`
	Why     string `cbor:"w,omitempty" json:"why,omitempty"`
	// Secret marks a value that must not leave the node: Hash replaces it by a
	// keyed digest.
	Secret bool `cbor:"x,omitempty" json:"secret,omitempty"`
	// Hashed says that S is already the keyed digest of the value.
	Hashed bool `cbor:"h,omitempty" json:"hashed,omitempty"`
}

// Text is a known, public value.
func Text(s string) Value { return Value{S: s} }

// Bool is a known, public truth value.
func Bool(b bool) Value {
	if b {
		return Value{S: "true"}
	}
	return Value{S: "false"}
}

// Unknown is a value that exists only after an apply.
func Unknown(why string) Value { return Value{Unknown: true, Why: why} }

// True says whether the value is known to be "true".
func (v Value) True() bool { return !v.Unknown && v.S == "true" }

// Matches reports whether two values can be the same: an unknown one matches
// anything.
func (v Value) Matches(o Value) bool { return v.Unknown || o.Unknown || v.S == o.S }

// State is what one key of a table looks like: field name to value. nil is the
// state of a key that does not exist. In a wanted state an absent field means
// "as it is"; in a read state it means that the field does not apply.
type State map[string]Value

// Get returns the named field; the zero Value for an absent field or state.
func (s State) Get(field string) Value { return s[field] }

// Clone returns a copy that shares nothing with s; nil stays nil.
func (s State) Clone() State { return maps.Clone(s) }

// Fields lists the field names in order.
func (s State) Fields() []string { return slices.Sorted(maps.Keys(s)) }

// Unknown reports whether any field is unknown.
func (s State) Unknown() bool {
	for _, v := range s {
		if v.Unknown {
			return true
		}
	}
	return false
}

// Merge returns was with the fields of want laid over it: the state after a
// write. Merging nil (absence) gives nil.
func Merge(was, want State) State {
	if want == nil {
		return nil
	}
	out := was.Clone()
	if out == nil {
		out = State{}
	}
	maps.Copy(out, want)
	return out
}

// Diff compares what is with what is wanted, field by field, and returns only
// the fields that differ; differs is false when there is nothing to write. A
// want of nil asks for absence. An unknown field on either side differs: it has
// to be looked at when it is known.
func Diff(was, want State) (dWas, dWant State, differs bool) {
	if want == nil {
		return was.Clone(), nil, was != nil
	}
	if was == nil {
		return nil, want.Clone(), true
	}
	dWas, dWant = State{}, State{}
	for f, w := range want {
		h, ok := was[f]
		if ok && same(f, h, w) {
			continue
		}
		if ok {
			dWas[f] = h
		}
		dWant[f] = w
	}
	return dWas, dWant, len(dWant) > 0
}

// Current is the value of a unit's input that nothing recorded and nothing on
// disk tells, in a process that muster did not start: it counts as being right.
const Current = "(current)"

func same(field string, was, want Value) bool {
	_, isInput := InputOf(field)
	return !was.Unknown && !want.Unknown && (was.S == want.S || isInput && was.S == Current)
}

// Hash replaces the secret fields of both states by keyed digests, so that they
// can be compared, shown and stored. A field that is secret in one is secret in
// the other.
func Hash(was, want State, digest func(string) string) (State, State) {
	secret := map[string]bool{}
	for _, s := range []State{was, want} {
		for f, v := range s {
			secret[f] = secret[f] || v.Secret
		}
	}
	return hash(was, secret, digest), hash(want, secret, digest)
}

func hash(s State, secret map[string]bool, digest func(string) string) State {
	out := s.Clone()
	for f, v := range out {
		if !secret[f] || v.Unknown {
			continue
		}
		if !v.Hashed {
			v.S = digest(v.S)
		}
		out[f] = Value{S: v.S, Secret: true, Hashed: true}
	}
	return out
}
