package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"muster/modules/machine"
	"muster/playbooks/event"
	"muster/transport/wire"
)

// node is one host and the conversation with its agent. Only one goroutine at a
// time works on a node; close may be called beside it.
type node struct {
	r     *runner
	host  int32
	name  string
	state event.State // connecting, ready, unreachable, locked, failed, done
	cause string
	// failure is why the node failed as a whole; blamed, that a vertex told it.
	failure *wire.Failure
	blamed  bool
	steps   []wire.Vertex // as last sent
	// facts are those of the first hello, checked; nil while there is none. An
	// agent that comes back does not change them: the plan was made from these.
	facts *machine.Facts
	// planned and begun say what a fresh agent has to be brought to.
	planned, begun bool

	mu    sync.Mutex
	conn  Conn
	hello wire.Hello
	ended bool
}

// lostError is a connection that broke: worth a reconnect.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// broken sorts an error of a connection.
func broken(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrHostile):
		return &breach{err.Error()}
	}
	return &lostError{err}
}

// breach is an answer that no honest agent gives. The node is left alone.
type breach struct{ what string }

func (e *breach) Error() string { return e.what }

// gone is a node that did not come back in time.
type gone struct{ err error }

func (e *gone) Error() string { return e.err.Error() }

// stopped is a step or a begin that failed on the node.
type stopped struct{ failure wire.Failure }

func (e *stopped) Error() string { return e.failure.Cause }

func (n *node) emit(e event.Event) {
	e.Host = n.name
	n.r.log.emit(e)
}

// use takes over a fresh connection, or closes it when the run has ended.
func (n *node) use(c Conn) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		_ = c.Close()
		return context.Canceled
	}
	n.conn, n.hello = c, c.Hello()
	return nil
}

// drop closes the connection; the node may be dialled again.
func (n *node) drop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil {
		_ = n.conn.Close() // it is of no use any more, whatever Close says
		n.conn = nil
	}
}

// close ends the node for good.
func (n *node) close() {
	n.mu.Lock()
	n.ended = true
	n.mu.Unlock()
	n.drop()
}

// part says goodbye and closes, beside the run: the agent ends by itself, and
// gives the lock back, within seconds.
func (n *node) part(forget bool) {
	n.mu.Lock()
	c := n.conn
	n.conn, n.ended = nil, true
	n.mu.Unlock()
	if c == nil {
		return
	}
	n.r.parting.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		_ = c.Send(ctx, wire.Bye{Forget: forget}) // an agent that does not hear it ends by itself
		_ = c.Close()
	})
}

func (n *node) current() (Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn == nil {
		return nil, &lostError{errors.New("connection closed")}
	}
	return n.conn, nil
}

func (n *node) send(ctx context.Context, m wire.Message) error {
	c, err := n.current()
	if err != nil {
		return err
	}
	return broken(c.Send(ctx, m))
}

func (n *node) recv(ctx context.Context) (wire.Message, error) {
	for {
		c, err := n.current()
		if err != nil {
			return nil, err
		}
		m, err := c.Recv(ctx)
		if err != nil {
			return nil, broken(err)
		}
		if m, ok := value(m); ok {
			return m, nil
		}
	}
}

// value dereferences messages and drops what needs no answer.
func value(m wire.Message) (wire.Message, bool) {
	switch x := m.(type) {
	case *wire.Base:
		return *x, true
	case *wire.Begun:
		return *x, true
	case *wire.Done:
		return *x, true
	case *wire.Output:
		return *x, true
	case wire.Pong, *wire.Pong:
		return nil, false
	}
	return m, true
}

// wireID is a vertex as the agent sees it; 0 stays free for "none".
func wireID(v int32) uint32 { return uint32(v) + 1 }

// getPlan sends the steps of the host and reads its base: a plan for each of n.steps,
// in their order.
func (n *node) getPlan(ctx context.Context) ([]wire.VertexPlan, error) {
	if err := n.send(ctx, wire.Steps{Vertices: n.steps}); err != nil {
		return nil, err
	}
	m, err := n.recv(ctx)
	if err != nil {
		return nil, err
	}
	base, ok := m.(wire.Base)
	if !ok {
		return nil, &breach{fmt.Sprintf("%T where a plan was due", m)}
	}
	return n.sort(base)
}

// sort checks that the agent planned what it was asked to, each step once.
func (n *node) sort(base wire.Base) ([]wire.VertexPlan, error) {
	if slices.EqualFunc(base.Plans, n.steps, func(p wire.VertexPlan, v wire.Vertex) bool { return p.ID == v.ID }) {
		return base.Plans, nil // as agents do it
	}
	plans := make([]wire.VertexPlan, len(n.steps))
	next := 0
	for _, p := range base.Plans {
		if next == len(n.steps) || n.steps[next].ID != p.ID {
			next = slices.IndexFunc(n.steps, func(v wire.Vertex) bool { return v.ID == p.ID })
		}
		if next < 0 || plans[next].ID != 0 {
			return nil, &breach{fmt.Sprintf("a plan for step %d, which was not asked or answered before", p.ID)}
		}
		plans[next] = p
		next++
	}
	if missing := len(n.steps) - len(base.Plans); missing > 0 {
		return nil, &breach{fmt.Sprintf("%d steps without a plan", missing)}
	}
	return plans, nil
}

// replace sends completed configurations; they are not answered.
func (n *node) replace(ctx context.Context, steps []wire.Vertex) error {
	for _, s := range steps {
		for i := range n.steps {
			if n.steps[i].ID == s.ID {
				n.steps[i] = s
			}
		}
	}
	return n.send(ctx, wire.Steps{Vertices: steps, Replace: true})
}

// begin tells the agent that its plan is approved.
func (n *node) begin(ctx context.Context) error {
	if err := n.send(ctx, wire.Begin{}); err != nil {
		return err
	}
	m, err := n.recv(ctx)
	if err != nil {
		return err
	}
	begun, ok := m.(wire.Begun)
	switch {
	case !ok:
		return &breach{fmt.Sprintf("%T where begun was due", m)}
	case begun.Failure != nil:
		return &stopped{*begun.Failure}
	}
	n.begun = true
	return nil
}

// do runs one step. Its output becomes events, up to a cap.
func (n *node) do(ctx context.Context, v int32, step string) (wire.Done, error) {
	if err := n.send(ctx, wire.Do{ID: wireID(v)}); err != nil {
		return wire.Done{}, err
	}
	room := maxOutput
	for {
		m, err := n.recv(ctx)
		if err != nil {
			return wire.Done{}, err
		}
		switch x := m.(type) {
		case wire.Output:
			if x.ID != wireID(v) {
				return wire.Done{}, &breach{"output of a step that does not run"}
			}
			room = n.output(step, x.Text, room)
		case wire.Done:
			if x.ID != wireID(v) {
				return wire.Done{}, &breach{"the end of a step that does not run"}
			}
			return x, nil
		default:
			return wire.Done{}, &breach{fmt.Sprintf("%T while a step ran", m)}
		}
	}
}

// output emits a piece of output and returns how much more may come.
func (n *node) output(step, text string, room int) int {
	switch {
	case room <= 0:
		return room
	case len(text) > room:
		n.emit(event.Event{Kind: event.StepOutput, Step: step, Text: text[:room]})
		n.emit(event.Event{Kind: event.Warning, Step: step, Text: "more than 1 MiB of output: the rest is dropped"})
		return 0
	}
	n.emit(event.Event{Kind: event.StepOutput, Step: step, Text: text})
	return room - len(text)
}
