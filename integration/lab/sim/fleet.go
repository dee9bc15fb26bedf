// Package sim is a fleet of simulated nodes in one process: an SSH server for
// each, on a loopback address of its own, behind it the real agent over a memory
// machine. Programs are answered from fixtures; one without a fixture fails.
package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Options say what fleet Start makes.
type Options struct {
	Names []string // of the nodes, at most MaxNodes
	Dir   string   // for what the agents keep on disk during a run
	// HostKey is every node's; Client is the key that may log in, as any user.
	HostKey ssh.Signer
	Client  ssh.PublicKey
	// Evil are the nodes, by name, that have something else in place of an agent.
	Evil map[string]Evil
}

// MaxNodes is how many addresses 127.77.0.0/16 has for nodes.
const MaxNodes = 1<<16 - 2

// Fleet is a running fleet.
type Fleet struct {
	Port    int // the same for all nodes
	servers []*server
	ctx     context.Context // of the fleet's life
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu            sync.Mutex
	waiting, peak int // connections that have not authenticated, and the most of them
}

// Peak is how many connections there were at most, over all nodes, that had not
// authenticated yet.
func (f *Fleet) Peak() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peak
}

// greet counts a connection; the function that it returns does so when it has
// authenticated, or is gone.
func (f *Fleet) greet() (known func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting++
	f.peak = max(f.peak, f.waiting)
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.waiting--
	})
}

// server is one node's SSH server.
type server struct {
	*node
	fleet    *Fleet
	config   *ssh.ServerConfig
	listener net.Listener
	evil     Evil // nil for an agent

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

// Address is the loopback address of the node at a place, from 0.
func Address(place int) string { return fmt.Sprintf("127.77.%d.%d", (place+1)>>8, (place+1)&255) }

// portTries is how many ports Start tries: one that is free on the first address
// may be taken on another.
const portTries = 20

// Start makes a fleet; it runs until Close.
func Start(o Options) (*Fleet, error) {
	if len(o.Names) == 0 || len(o.Names) > MaxNodes {
		return nil, fmt.Errorf("fleet of %d nodes: it has 1 to %d", len(o.Names), MaxNodes)
	}
	var err error
	for range portTries {
		var f *Fleet
		if f, err = start(o); err == nil {
			return f, nil
		}
	}
	return nil, err
}

func start(o Options) (*Fleet, error) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Fleet{ctx: ctx, cancel: cancel}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), o.Client.Marshal()) {
			return nil, errors.New("not the lab's key")
		}
		return nil, nil
	}}
	config.AddHostKey(o.HostKey)
	for i, name := range o.Names {
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", Address(i), f.Port))
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("node %s: %w", name, err)
		}
		f.Port = l.Addr().(*net.TCPAddr).Port
		s := &server{node: newNode(name, filepath.Join(o.Dir, name)), fleet: f, config: config, listener: l, evil: o.Evil[name], open: map[net.Conn]bool{}}
		f.servers = append(f.servers, s)
		f.wg.Go(func() { s.accept(ctx, l) })
	}
	return f, nil
}

// Close ends all nodes; what their agents are writing is finished.
func (f *Fleet) Close() {
	f.cancel()
	for _, s := range f.servers {
		s.close()
	}
	f.wg.Wait()
}

// CloseNode ends one node's server and its connections; OpenNode brings it back. It is
// false for a name that no node has.
func (f *Fleet) CloseNode(name string) bool {
	for _, s := range f.servers {
		if s.name == name {
			s.close()
			return true
		}
	}
	return false
}

func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
}
