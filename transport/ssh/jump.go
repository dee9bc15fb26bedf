package ssh

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/crypto/ssh"

	"muster/transport"
)

// jump is one connection to a jump host, shared by all nodes behind it.
type jump struct {
	places chan struct{} // unauthenticated connections through it
	ready  chan struct{} // closed when client or err is set

	mu     sync.Mutex
	client *ssh.Client
	err    error
	dead   bool
}

// jump returns the connection to the last of the peers. One caller dials, the
// others wait for it and share a failure: one diagnostic, not one per node.
func (d *Dialer) jump(ctx context.Context, peers []peer) (*jump, error) {
	key := chainKey(peers)
	d.mu.Lock()
	j := d.jumps[key]
	if j == nil || j.gone() {
		j = &jump{places: make(chan struct{}, maxPerJump), ready: make(chan struct{})}
		d.jumps[key] = j
		// It outlives the node that asked first, and that node's context.
		go j.dial(d, peers)
	}
	d.mu.Unlock()
	select {
	case <-j.ready:
	case <-ctx.Done():
		return nil, &transport.Error{Host: peers[len(peers)-1].String(), Stage: transport.Connect, Err: context.Cause(ctx)}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return nil, copied(j.err)
	}
	return j, nil
}

// copied gives every waiter an error of its own, since callers add to it.
func copied(err error) error {
	var e *transport.Error
	if errors.As(err, &e) {
		c := *e
		return &c
	}
	return err
}

func (j *jump) dial(d *Dialer, peers []peer) {
	client, err := d.client(d.ctx, peers)
	j.mu.Lock()
	j.client, j.err = client, err
	dead := j.dead
	j.dead = j.dead || err != nil
	j.mu.Unlock()
	close(j.ready)
	if client == nil {
		return
	}
	if dead {
		_ = client.Close()
	}
	_ = client.Wait()
	j.mu.Lock()
	j.dead = true
	j.mu.Unlock()
}

func (j *jump) gone() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dead
}

func (j *jump) close() {
	j.mu.Lock()
	j.dead = true
	client := j.client
	j.mu.Unlock()
	if client != nil {
		_ = client.Close()
	}
}
