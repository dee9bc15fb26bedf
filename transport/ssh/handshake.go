package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"muster/transport"
)

// handshake makes a client of a stream. It closes the stream on failure.
func (d *Dialer) handshake(ctx context.Context, p peer, conn net.Conn) (*ssh.Client, error) {
	algorithms, judge, err := d.keys.check(p)
	if err != nil {
		_ = conn.Close()
		return nil, &transport.Error{Host: p.String(), Stage: transport.HostKey, Err: err}
	}
	methods, tried, done, err := auth(p)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	defer done()
	limit := d.limits.handshake
	if p.via != "" {
		limit = d.limits.throughJump
	}
	// A channel through a jump host has no deadlines: what ends the handshake is
	// that its stream is closed.
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	var verified atomic.Bool
	config := &ssh.ClientConfig{
		User: p.user, Auth: methods, HostKeyAlgorithms: algorithms, ClientVersion: "SSH-2.0-muster",
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			if err := judge(host, remote, key); err != nil {
				return err
			}
			verified.Store(true)
			return nil
		},
	}
	c, channels, requests, err := ssh.NewClientConn(conn, p.address, config)
	if !stop() && err == nil {
		err = context.Cause(ctx)
		_ = c.Close()
	}
	if err != nil {
		_ = conn.Close()
		return nil, explain(ctx, p, verified.Load(), tried, err)
	}
	client := ssh.NewClient(c, channels, requests)
	go keepalive(client, d.limits.keepEvery, d.limits.keepLimit)
	return client, nil
}

// explain words a failed handshake.
func explain(ctx context.Context, p peer, verified bool, tried string, err error) error {
	var known *transport.Error
	if errors.As(err, &known) {
		return known // the host key
	}
	e := &transport.Error{Host: p.String(), Stage: transport.Kex, Err: err}
	if verified {
		e.Stage = transport.Auth
	}
	var refused *ssh.ServerAuthError
	switch {
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
		e.Hint = "the host can be connected to and its sshd does not answer: it may be frozen or overloaded"
	case errors.As(err, &refused) || strings.Contains(err.Error(), "unable to authenticate"):
		e.Stage = transport.Auth
		e.Err = fmt.Errorf("%s was refused by the server, which was offered %s", p.user, tried)
		e.Hint = "check `user` and `identity` in the connection block (or -u), and authorized_keys on the node; it is not tried again, because sshd counts failed logins"
	}
	return e
}

// keepalive asks the server for a sign of life, and closes a connection that
// gives none: nothing else frees what waits on a frozen peer.
func keepalive(c *ssh.Client, every, limit time.Duration) {
	over := make(chan struct{})
	go func() {
		_ = c.Wait()
		close(over)
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		late := time.AfterFunc(limit, func() { _ = c.Close() })
		_, _, err := c.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			_ = c.Close()
		}
	}
}
