package run

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"strconv"
	"sync"

	"muster/modules/machine"
)

// lists keeps equal lists of changes once: on a thousand nodes there are mostly a few,
// and what is worked out of one holds for all nodes that have it.
type lists struct {
	mu    sync.Mutex
	known map[*machine.Change]*list // by the first change of a list
	sums  map[[sha256.Size]byte]*list
}

// list is a list of changes that nobody writes to any more.
type list struct {
	changes []machine.Change
	tally   tally
	names   int // how many of the lists that are equal to it are in known
	// content is the list's part in the id of a plan.
	content [sha256.Size]byte
	// replaces says that a secret that does not exist yet would replace another value.
	replaces bool
}

func newLists() *lists {
	return &lists{known: map[*machine.Change]*list{}, sums: map[[sha256.Size]byte]*list{}}
}

// of gives the kept list that is equal to changes; nil for none. It may be called from
// the nodes' goroutines.
func (l *lists) of(changes []machine.Change) *list {
	if len(changes) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.known[&changes[0]]; k != nil && len(k.changes) == len(changes) {
		return k
	}
	h := sha256.New()
	for i := range changes {
		hashAll(h, &changes[i])
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	k := l.sums[sum]
	if k == nil {
		k = newList(changes)
		l.sums[sum] = k
	}
	if k.names < 2 { // whoever shares lists itself may have begun with the second
		k.names++
		l.known[&changes[0]] = k
	}
	return k
}

// share gives the kept list itself.
func (l *lists) share(changes []machine.Change) []machine.Change {
	if k := l.of(changes); k != nil {
		return k.changes
	}
	return nil
}

func newList(changes []machine.Change) *list {
	k := &list{changes: changes}
	k.tally.add(changes)
	h := sha256.New()
	for _, c := range changes {
		field(h, fmt.Sprintf("%s %s %d", c.Table, c.Key, c.Nth))
		hashState(h, c.Was)
		hashState(h, c.Want)
		for f, want := range c.Want {
			_, had := c.Was[f]
			k.replaces = k.replaces || had && want.Unknown && want.Secret
		}
	}
	k.content = [sha256.Size]byte(h.Sum(nil))
	return k
}

// hashAll takes everything of a change into a sum.
func hashAll(h hash.Hash, c *machine.Change) {
	for _, s := range []string{c.Table, c.Key, strconv.Itoa(c.Nth), c.Note, string(c.Outcome), strconv.FormatBool(c.Opaque)} {
		field(h, s)
	}
	for _, state := range []machine.State{c.Was, c.Want} {
		field(h, strconv.FormatBool(state == nil)+strconv.Itoa(len(state)))
		for _, f := range state.Fields() {
			v := state[f]
			field(h, f)
			field(h, v.S)
			field(h, v.Why)
			field(h, strconv.FormatBool(v.Unknown)+strconv.FormatBool(v.Secret)+strconv.FormatBool(v.Hashed))
		}
	}
}
