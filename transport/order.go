package transport

import (
	"fmt"
	"sync"
	"time"

	"muster/transport/wire"
)

// maxParts is how much memory the parts of one Base or Done may add up to, in
// bytes, minPart what each counts at least, and maxChanges how many changes it may
// have: what a hostile node can make us keep.
const (
	maxParts   = 48 << 20
	minPart    = 64 << 10
	maxChanges = 100_000
)

// What a step may print. An agent sends ten pieces of 64 KiB a second at most, and
// leaves out what does not fit; what waits in the network meanwhile is some MiB. A
// node beyond that is no agent, and would have us do nothing but read.
const (
	outputRate  = 2 << 20  // bytes a second
	outputBurst = 16 << 20 // bytes at once
	minOutput   = 4 << 10  // what a piece counts at least
)

// order is what the agent may say now. It knows what was asked, and puts the
// parts of an answer together.
type order struct {
	mu      sync.Mutex
	base    bool            // a Base is owed
	begun   bool            // a Begun is owed
	doing   map[uint32]bool // a Done is owed
	plan    *wire.Base
	result  *wire.Done
	bytes   int
	changes int
	heard   uint64 // last Pong

	printed int       // bytes of output above outputRate
	last    time.Time // of the last output
}

func (o *order) sent(m wire.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch m := m.(type) {
	case wire.Steps:
		o.base = o.base || !m.Replace && !m.More
	case wire.Begin:
		o.begun = true
	case wire.Do:
		if o.doing == nil {
			o.doing = map[uint32]bool{}
		}
		o.doing[m.ID] = true
	}
}

// received checks a message. It returns nil while further parts are missing.
func (o *order) received(m wire.Message) (wire.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch m := m.(type) {
	case wire.Base:
		return o.part(m)
	case wire.Begun:
		if o.begun {
			o.begun = false
			return m, nil
		}
	case wire.Output:
		if o.doing[m.ID] && o.result == nil {
			return m, o.print(len(m.Text))
		}
	case wire.Done:
		return o.finished(m)
	}
	return nil, fmt.Errorf("%w: a %T that nobody asked for", ErrHostile, m)
}

func (o *order) part(m wire.Base) (wire.Message, error) {
	if !o.base {
		return nil, fmt.Errorf("%w: a plan that nobody asked for", ErrHostile)
	}
	for _, p := range m.Plans {
		if err := o.count(len(p.Changes)); err != nil {
			return nil, err
		}
	}
	if err := o.weigh(m.Weight()); err != nil {
		return nil, err
	}
	if o.plan == nil {
		o.plan = &wire.Base{}
	}
	o.plan.Join(m)
	if m.More {
		return nil, nil
	}
	whole := *o.plan
	o.base, o.plan, o.bytes, o.changes = false, nil, 0, 0
	return whole, nil
}

func (o *order) finished(m wire.Done) (wire.Message, error) {
	if !o.doing[m.ID] || o.result != nil && o.result.ID != m.ID {
		return nil, fmt.Errorf("%w: step %d is done, and nobody asked for it", ErrHostile, m.ID)
	}
	if err := o.count(len(m.Changes)); err != nil {
		return nil, err
	}
	if err := o.weigh(m.Weight()); err != nil {
		return nil, err
	}
	if o.result == nil {
		o.result = &wire.Done{}
	}
	o.result.Join(m)
	if m.More {
		return nil, nil
	}
	whole := *o.result
	delete(o.doing, m.ID)
	o.result, o.bytes, o.changes = nil, 0, 0
	return whole, nil
}

func (o *order) count(n int) error {
	if o.changes += n; o.changes > maxChanges {
		return fmt.Errorf("%w: more than %d changes in one answer", ErrHostile, maxChanges)
	}
	return nil
}

// weigh adds a part, but at not less than minPart: many small ones cost as well.
func (o *order) weigh(n int) error {
	if o.bytes += max(n, minPart); o.bytes > maxParts {
		return fmt.Errorf("%w: an answer of more than %d bytes", ErrHostile, maxParts)
	}
	return nil
}

// print adds a piece of output.
func (o *order) print(n int) error {
	now := time.Now()
	if !o.last.IsZero() {
		o.printed -= int(min(now.Sub(o.last).Seconds()*outputRate, outputBurst))
	}
	o.last, o.printed = now, max(o.printed, 0)+max(n, minOutput)
	if o.printed > outputBurst {
		return fmt.Errorf("%w: more output than an agent sends: %d bytes above %d a second", ErrHostile, outputBurst, outputRate)
	}
	return nil
}

// pong checks that the numbers rise, and not beyond what was asked.
func (o *order) pong(p wire.Pong, sent uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.Seq <= o.heard || p.Seq > sent {
		return fmt.Errorf("%w: pong %d after ping %d", ErrHostile, p.Seq, sent)
	}
	o.heard = p.Seq
	return nil
}
