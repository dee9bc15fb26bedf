// Package transport is the controller's end of a conversation with an agent. A
// Conn is the same over SSH, to a child process and over a pipe.
package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"muster/transport/wire"
)

// ErrLost is in the chain of every error that means: the connection is gone, and
// what the node was doing is unknown. Dialling again can help.
var ErrLost = errors.New("connection lost")

// ErrHostile is in the chain of every error that means: the node has sent what
// no agent sends. Dialling again is not tried.
var ErrHostile = errors.New("protocol violation")

// Link is what a Conn runs on.
type Link struct {
	R io.Reader
	W io.Writer
	// Close ends it at once, and makes pending reads and writes return.
	Close func() error
	// Stderr is the end of what the other side wrote to standard error.
	Stderr func() string
	// Digests are the SHA-256 that the agent may have, hex; none for any.
	Digests []string

	// Heartbeat, Silence and HelloTimeout replace 5 s, 30 s and 60 s.
	Heartbeat, Silence, HelloTimeout time.Duration
}

// The deadlines of a connection.
const (
	heartbeat    = 5 * time.Second
	silence      = 30 * time.Second
	helloTimeout = 60 * time.Second // an earlier agent of the run may take 30 s to end
	byeWait      = 3 * time.Second
)

// Conn is a conversation with an agent that has said hello.
type Conn struct {
	link  Link
	w     *wire.Writer
	hello wire.Hello
	order order

	in   chan wire.Message
	done chan struct{} // closed when the connection is over; cause is set before
	once sync.Once
	err  error
	seq  atomic.Uint64
	bye  atomic.Bool
	wg   sync.WaitGroup
}

// Open waits for the agent's hello and keeps the conversation alive until Close.
// The error wraps ErrLost or ErrHostile; the link is closed then.
func Open(ctx context.Context, link Link) (*Conn, error) {
	if link.Heartbeat == 0 {
		link.Heartbeat = heartbeat
	}
	if link.Silence == 0 {
		link.Silence = silence
	}
	if link.HelloTimeout == 0 {
		link.HelloTimeout = helloTimeout
	}
	c := &Conn{link: link, w: wire.NewWriter(link.W), in: make(chan wire.Message, 16), done: make(chan struct{})}
	r := wire.NewReader(link.R)
	stop := context.AfterFunc(ctx, func() { c.fail(context.Cause(ctx)) })
	late := time.AfterFunc(link.HelloTimeout, func() { c.fail(fmt.Errorf("%w: no hello within %v", ErrLost, link.HelloTimeout)) })
	err := c.greet(r)
	stop()
	late.Stop()
	if err != nil {
		c.fail(err)
		return nil, c.err
	}
	c.wg.Go(func() { c.read(r) })
	c.wg.Go(c.beat)
	return c, nil
}

// greet reads the hello and answers with the marker.
func (c *Conn) greet(r *wire.Reader) error {
	if err := r.Sync(); err != nil {
		return classify(err)
	}
	m, err := r.Read()
	if err != nil {
		return classify(err)
	}
	h, ok := m.(wire.Hello)
	switch {
	case !ok:
		return fmt.Errorf("%w: the first message is a %T", ErrHostile, m)
	case h.Protocol != wire.Protocol:
		return fmt.Errorf("%w: the agent speaks protocol %d, not %d", ErrHostile, h.Protocol, wire.Protocol)
	case len(c.link.Digests) > 0 && !slices.Contains(c.link.Digests, h.Agent):
		return fmt.Errorf("%w: the agent has the digest %.64q, which is none of ours", ErrHostile, h.Agent)
	}
	c.hello = h
	// An agent that only says hello may have ended already; read will tell.
	_ = c.w.Sync()
	return nil
}

// classify says what an error of the stream means.
func classify(err error) error {
	if errors.Is(err, wire.ErrFrame) {
		return fmt.Errorf("%w: %w", ErrHostile, err)
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}

// read delivers messages. The silence counts only while it waits for the node,
// not while it waits for the caller of Recv.
func (c *Conn) read(r *wire.Reader) {
	quiet := time.AfterFunc(c.link.Silence, func() {
		c.fail(fmt.Errorf("%w: nothing was heard for %v", ErrLost, c.link.Silence))
	})
	defer quiet.Stop()
	for {
		quiet.Reset(c.link.Silence)
		m, err := r.Read()
		quiet.Stop()
		if err != nil {
			c.fail(classify(err))
			return
		}
		if p, ok := m.(wire.Pong); ok {
			if err := c.order.pong(p, c.seq.Load()); err != nil {
				c.fail(err)
				return
			}
			continue
		}
		m, err = c.order.received(m)
		if err != nil {
			c.fail(err)
			return
		}
		if m == nil {
			continue
		}
		select {
		case c.in <- m:
		case <-c.done:
			return
		}
	}
}

// beat sends pings until the end.
func (c *Conn) beat() {
	tick := time.NewTicker(c.link.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
			if err := c.w.Write(wire.Ping{Seq: c.seq.Add(1)}); err != nil {
				c.fail(classify(err))
				return
			}
		}
	}
}

// fail ends the connection; the first cause counts.
func (c *Conn) fail(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
		_ = c.link.Close()
	})
}

// Hello is the agent's first message. With a Holder in it the node was locked,
// and the agent has ended.
func (c *Conn) Hello() wire.Hello { return c.hello }

// Send sends a message, Steps in as many parts as needed. A context that ends
// while it waits for the network ends the connection.
func (c *Conn) Send(ctx context.Context, m wire.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	parts := []wire.Message{m}
	if s, ok := m.(wire.Steps); ok {
		parts = nil
		for _, p := range wire.SplitSteps(s) {
			parts = append(parts, p)
		}
	}
	c.order.sent(m)
	stop := context.AfterFunc(ctx, func() { c.fail(context.Cause(ctx)) })
	defer stop()
	for _, p := range parts {
		err := c.w.Write(p)
		var large *wire.EncodeError
		if errors.As(err, &large) {
			return err // nothing of it was written
		}
		if err != nil {
			c.fail(classify(err))
			return c.err
		}
	}
	if _, ok := m.(wire.Bye); ok {
		c.bye.Store(true)
	}
	return nil
}

// Recv returns the next message: a whole Base or Done, also where it came in
// parts. Pongs do not appear. After the connection's end it returns what had
// arrived, then an error that wraps ErrLost or ErrHostile.
func (c *Conn) Recv(ctx context.Context) (wire.Message, error) {
	select {
	case m := <-c.in:
		return m, nil
	default:
	}
	select {
	case m := <-c.in:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
	}
	select {
	case m := <-c.in:
		return m, nil
	default:
		return nil, c.err
	}
}

// Done is closed when the connection is over, for whatever reason.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close ends the conversation. After a Bye it gives the agent a moment to end by
// itself; without one the agent finishes what it is writing and ends.
func (c *Conn) Close() error {
	if c.bye.Load() {
		select {
		case <-c.done:
		case <-time.After(byeWait):
		}
	}
	c.fail(fmt.Errorf("%w: closed here", ErrLost))
	c.wg.Wait()
	return nil
}

// Stderr is the end of what the agent, sudo and the login have printed to
// standard error: bytes of the node, at most 64 KiB.
func (c *Conn) Stderr() string {
	if c.link.Stderr == nil {
		return ""
	}
	return c.link.Stderr()
}
