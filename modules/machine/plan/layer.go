package plan

import "muster/modules/machine"

// layer is what one step would change, over the layers of the steps before it.
// It is written by its own step alone and read by later ones.
type layer struct {
	below *layer
	// over holds what would be; nil for a key that goes.
	over map[machine.Ref]machine.State
	// smeared are keys that a Run may have changed: unknown from then on. dirty
	// are all keys that differ from the base.
	smeared map[machine.Ref]bool
	dirty   map[machine.Ref]bool
	// installs says that a package would be installed or removed.
	installs bool
}

func newLayer(below *layer) *layer {
	return &layer{below: below, over: map[machine.Ref]machine.State{},
		smeared: map[machine.Ref]bool{}, dirty: map[machine.Ref]bool{}}
}

// find returns the newest word on a key: its state, or smeared.
func (l *layer) find(ref machine.Ref) (s machine.State, smeared, ok bool) {
	for ; l != nil; l = l.below {
		if s, ok := l.over[ref]; ok {
			return s, false, true
		}
		if l.smeared[ref] {
			return nil, true, true
		}
	}
	return nil, false, false
}

func (l *layer) set(ref machine.Ref, s machine.State) {
	l.over[ref] = s
	delete(l.smeared, ref)
	l.dirty[ref] = true
	l.installs = l.installs || ref.Table == "package"
}

func (l *layer) smear(ref machine.Ref) {
	delete(l.over, ref)
	l.smeared[ref] = true
	l.dirty[ref] = true
}

// touches says whether a key that differs is one of those.
func (l *layer) touches(those func(machine.Ref) bool) bool {
	for ; l != nil; l = l.below {
		for ref := range l.dirty {
			if those(ref) {
				return true
			}
		}
	}
	return false
}

func (l *layer) isDirty(ref machine.Ref) bool {
	for ; l != nil; l = l.below {
		if l.dirty[ref] {
			return true
		}
	}
	return false
}

func (l *layer) isInstalling() bool {
	for ; l != nil; l = l.below {
		if l.installs {
			return true
		}
	}
	return false
}
