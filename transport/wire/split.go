package wire

import (
	"crypto/sha256"
	"fmt"

	"muster/modules/machine"
)

// splitSize is the size up to which lists share a frame, in bytes: half of
// MaxFrame, so that neither end waits long behind one frame.
const splitSize = 512 << 10

// MaxValue is the longest value of a change that travels, in bytes. A longer
// one is replaced by its size and digest: it is compared as before, only not
// shown.
const MaxValue = 128 << 10

// SplitSteps cuts s into messages that fit into frames; the last has More unset.
func SplitSteps(s Steps) []Steps {
	var out []Steps
	for _, part := range pack(s.Vertices, func(v Vertex) int { return len(v.Config) + len(v.Name) + len(v.Module) + 64 }) {
		out = append(out, Steps{Vertices: part, More: true, Replace: s.Replace})
	}
	out[len(out)-1].More = s.More
	return out
}

// SplitBase cuts b into messages that fit into frames. A vertex with very many
// changes is continued, under the same ID, in the next one.
func SplitBase(b Base) []Base {
	var plans []VertexPlan
	for _, p := range b.Plans {
		parts := pack(fit(p.Changes), changeSize)
		for _, c := range parts[:len(parts)-1] {
			plans = append(plans, VertexPlan{ID: p.ID, Changes: c})
		}
		plans = append(plans, VertexPlan{ID: p.ID, Changes: parts[len(parts)-1], Failure: p.Failure.Trim()})
	}
	var out []Base
	for _, part := range pack(plans, planSize) {
		out = append(out, Base{Plans: part, More: true})
	}
	out[len(out)-1].More = b.More
	return out
}

// SplitDone cuts d like SplitBase does; Failure and Millis are in the last part.
func SplitDone(d Done) []Done {
	var out []Done
	for _, part := range pack(fit(d.Changes), changeSize) {
		out = append(out, Done{ID: d.ID, Changes: part, More: true})
	}
	last := &out[len(out)-1]
	last.More, last.Failure, last.Millis = d.More, d.Failure.Trim(), d.Millis
	return out
}

// Join appends the plans of a further part of a Base.
func (b *Base) Join(more Base) {
	for _, p := range more.Plans {
		if n := len(b.Plans); n > 0 && b.Plans[n-1].ID == p.ID {
			last := &b.Plans[n-1]
			last.Changes, last.Failure = append(last.Changes, p.Changes...), p.Failure
			continue
		}
		b.Plans = append(b.Plans, p)
	}
	b.More = more.More
}

// Join appends the changes of a further part of a Done.
func (d *Done) Join(more Done) {
	more.Changes = append(d.Changes, more.Changes...)
	*d = more
}

// pack groups a list so that each group stays under splitSize, or holds one
// element. An empty list is one empty group.
func pack[T any](list []T, size func(T) int) [][]T {
	out, from, sum := [][]T(nil), 0, 0
	for i, v := range list {
		n := size(v)
		if i > from && sum+n > splitSize {
			out, from, sum = append(out, list[from:i:i]), i, 0
		}
		sum += n
	}
	return append(out, list[from:])
}

func planSize(p VertexPlan) int {
	n := 64 + p.Failure.size()
	for _, c := range p.Changes {
		n += changeSize(c)
	}
	return n
}

// changeSize is an upper bound of a change's encoded size.
func changeSize(c machine.Change) int {
	n := len(c.Table) + len(c.Key) + len(c.Note) + len(c.Outcome) + 64
	for _, s := range []machine.State{c.Was, c.Want} {
		for f, v := range s {
			n += len(f) + len(v.S) + len(v.Why) + 32
		}
	}
	return n
}

func fit(changes []machine.Change) []machine.Change {
	out := make([]machine.Change, len(changes))
	for i, c := range changes {
		c.Was, c.Want = fitState(c.Was), fitState(c.Want)
		out[i] = c
	}
	return out
}

func fitState(s machine.State) machine.State {
	for f, v := range s {
		if len(v.S) > MaxValue {
			s = s.Clone()
			v.S = fmt.Sprintf("(%d bytes, sha256 %x)", len(v.S), sha256.Sum256([]byte(v.S)))
			s[f] = v
		}
	}
	return s
}

func (f *Failure) size() int {
	if f == nil {
		return 0
	}
	n := len(f.Object) + len(f.Cause) + len(f.Stderr) + len(f.Hint) + 64
	for _, a := range f.Command {
		n += len(a) + 8
	}
	return n
}

// Trim returns the failure with every text short enough for people and for a
// frame: the start of a cause, the end of stderr.
func (f *Failure) Trim() *Failure {
	if f == nil {
		return nil
	}
	t := *f
	t.Object, t.Cause, t.Hint = start(f.Object, 1<<10), start(f.Cause, 4<<10), start(f.Hint, 4<<10)
	t.Stderr = f.Stderr[max(0, len(f.Stderr)-8<<10):]
	t.Command = nil
	for _, a := range f.Command[:min(len(f.Command), 64)] {
		t.Command = append(t.Command, start(a, 1<<10))
	}
	return &t
}

func start(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
