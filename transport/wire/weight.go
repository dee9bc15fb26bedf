package wire

import "muster/modules/machine"

// What things cost in memory beside their text, in bytes, roundly: a Go map has room
// for eight fields when it has one.
const (
	planWeight   = 64
	changeWeight = 128
	stateWeight  = 512
	fieldWeight  = 64
)

// Weight is about how much memory the plans take, in bytes. A few bytes on the wire
// can be a hundred of it, so that the size of frames does not tell.
func (b Base) Weight() int {
	n := 0
	for _, p := range b.Plans {
		n += planWeight + p.Failure.size() + weight(p.Changes)
	}
	return n
}

// Weight is about how much memory the end of a step takes, in bytes.
func (d Done) Weight() int { return d.Failure.size() + weight(d.Changes) }

func weight(changes []machine.Change) int {
	n := 0
	for _, c := range changes {
		n += changeWeight + len(c.Table) + len(c.Key) + len(c.Note) + len(c.Outcome)
		for _, s := range []machine.State{c.Was, c.Want} {
			if s != nil {
				n += stateWeight
			}
			for f, v := range s {
				n += fieldWeight + len(f) + len(v.S) + len(v.Why)
			}
		}
	}
	return n
}
