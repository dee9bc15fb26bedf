package ssh

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"muster/transport"
	"muster/transport/boot"
)

// Bounds of a run's dialling. sshd drops connections that have not authenticated
// yet when there are ten of them (MaxStartups).
const (
	maxDials   = 64
	maxPerJump = 8
	maxUploads = 8
	maxTries   = 6 // the first, and five after a reset
	minWait    = 500 * time.Millisecond
	maxWait    = 15 * time.Second
)

// Dialer dials the nodes of one run. It shares what they have in common: jump
// hosts, host keys, limits.
type Dialer struct {
	agents  transport.Agents
	keys    hostKeys
	dials   chan struct{}
	uploads chan struct{}
	sent    atomic.Int64

	ctx context.Context // ends with Close
	end context.CancelFunc

	mu    sync.Mutex
	jumps map[string]*jump
	hosts map[string]chan struct{} // one dial at a time to each address

	limits limits
	// wait sleeps between two tries; tests replace it.
	wait func(ctx context.Context, try int) error
}

// NewDialer makes a Dialer that brings the given agents to nodes that lack them.
func NewDialer(agents transport.Agents) *Dialer {
	ctx, end := context.WithCancel(context.Background())
	return &Dialer{agents: agents, dials: make(chan struct{}, maxDials), uploads: make(chan struct{}, maxUploads),
		ctx: ctx, end: end, jumps: map[string]*jump{}, hosts: map[string]chan struct{}{}, limits: defaultLimits, wait: pause}
}

// Uploads is how many times an agent was uploaded.
func (d *Dialer) Uploads() int { return int(d.sent.Load()) }

// Dial connects to a node and starts its agent. The error is a *transport.Error,
// which names the stage. The context bounds the dialling, not the connection.
func (d *Dialer) Dial(ctx context.Context, t Target, args transport.AgentArgs) (*transport.Conn, error) {
	peers := t.peers()
	client, err := d.client(ctx, peers)
	if err != nil {
		return nil, err
	}
	c, err := boot.Start(ctx, &login{client, d.uploads}, boot.Options{
		AgentArgs: args, Agents: d.agents, Become: t.Become, Uploaded: func() { d.sent.Add(1) },
	})
	var e *transport.Error
	if errors.As(err, &e) {
		e.Host = peers[len(peers)-1].String()
	}
	return c, err
}

// Close ends the connections to jump hosts, and with them what goes through them.
func (d *Dialer) Close() error {
	d.end()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, j := range d.jumps {
		j.close()
	}
	return nil
}

// client connects to the last of the peers, through the others. A jump host that
// cannot be reached is not tried again here: it was, when it was dialled.
func (d *Dialer) client(ctx context.Context, peers []peer) (*ssh.Client, error) {
	last := peers[len(peers)-1]
	for try := 1; ; try++ {
		var through *jump
		if len(peers) > 1 {
			j, err := d.jump(ctx, peers[:len(peers)-1])
			if err != nil {
				return nil, err
			}
			through = j
		}
		c, err := d.once(ctx, last, through)
		if err == nil || !again(err) || try == maxTries {
			return c, tooOften(err, try)
		}
		if d.wait(ctx, try) != nil {
			return nil, &transport.Error{Host: last.String(), Stage: transport.Connect, Err: context.Cause(ctx)}
		}
	}
}

// again reports whether a failure looks like a server that is too busy. A refusal
// to authenticate never does: each one more is punished.
func again(err error) bool {
	var e *transport.Error
	if !errors.As(err, &e) || e.Stage != transport.Connect && e.Stage != transport.Kex {
		return false
	}
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func tooOften(err error, tries int) error {
	var e *transport.Error
	if errors.As(err, &e) && again(err) {
		e.Err = fmt.Errorf("%w (tried %d times)", e.Err, tries)
		e.Hint = "the server drops connections: too many at once (MaxStartups), or a penalty for failed logins from this address (PerSourcePenalties)"
	}
	return err
}

// pause waits between minWait and a bound that doubles with each try.
func pause(ctx context.Context, try int) error {
	bound := min(maxWait, minWait<<try)
	t := time.NewTimer(minWait + rand.N(bound-minWait))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// once is one try.
func (d *Dialer) once(ctx context.Context, p peer, through *jump) (*ssh.Client, error) {
	release, err := d.admit(ctx, p, through)
	if err != nil {
		return nil, &transport.Error{Host: p.String(), Stage: transport.Connect, Err: err}
	}
	defer release()
	conn, err := connect(ctx, p, through)
	if err != nil {
		return nil, err
	}
	return d.handshake(ctx, p, conn)
}

// admit waits for a place among the unauthenticated connections.
func (d *Dialer) admit(ctx context.Context, p peer, through *jump) (func(), error) {
	d.mu.Lock()
	key := p.via + " " + p.address
	if d.hosts[key] == nil {
		d.hosts[key] = make(chan struct{}, 1)
	}
	places := []chan struct{}{d.hosts[key]}
	d.mu.Unlock()
	if through != nil {
		places = append(places, through.places)
	}
	places = append(places, d.dials)
	held := 0
	release := func() {
		for _, p := range places[:held] {
			<-p
		}
	}
	for _, p := range places {
		select {
		case p <- struct{}{}:
			held++
		case <-ctx.Done():
			release()
			return nil, context.Cause(ctx)
		}
	}
	return release, nil
}

// connect opens the stream to a peer: TCP, or a channel of the jump host.
func connect(ctx context.Context, p peer, through *jump) (net.Conn, error) {
	limit := p.target.ConnectTimeout
	if limit == 0 {
		limit = connectTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no connection within %v", limit))
	defer cancel()
	var conn net.Conn
	var err error
	if through != nil {
		conn, err = through.client.DialContext(ctx, "tcp", p.address)
		if errors.Is(err, io.EOF) {
			through.close() // it is dead, and the next try makes it anew
		}
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
	}
	if err == nil {
		return conn, nil
	}
	stage := transport.Connect
	var dns *net.DNSError
	if errors.As(err, &dns) {
		stage = transport.Resolve
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, &transport.Error{Host: p.String(), Stage: stage, Err: err, Hint: unconnected(stage, err)}
}

// unconnected is what to do about a host that could not be connected to.
func unconnected(stage transport.Stage, err error) string {
	switch {
	case stage == transport.Resolve:
		return "give the host an `address` in the inventory, or make the name known here"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the host is there and nothing listens: is sshd running, and `port` of the connection block right?"
	}
	return "is the host on, its `address` right, and no firewall in between?"
}

// chainKey names a chain of jump hosts, with all that makes one differ from
// another.
func chainKey(peers []peer) string {
	var b strings.Builder
	for _, p := range peers {
		t := p.target
		fmt.Fprintf(&b, "%q %q %q %q %q %v %q %x|", p.address, p.user, p.identity, p.pinned, t.KnownHosts, t.Agent, t.HostKeyPolicy, sha256.Sum256(t.Password))
	}
	return b.String()
}
