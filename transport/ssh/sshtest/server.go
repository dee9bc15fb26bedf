// Package sshtest is an SSH server inside the test process: real x/crypto/ssh and
// SFTP, a real shell behind it, and faults on demand.
package sshtest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Config is how a server behaves.
type Config struct {
	// Home is the home folder of every login.
	Home string
	// Env is the environment of its commands.
	Env []string
	// Banner is what a login prints before its command runs.
	Banner string
	// HostKeys are shown in this order.
	HostKeys []ssh.Signer
	// User is the key that may log in.
	User ssh.PublicKey
	// MaxSessions is how many sessions a connection may have at once; 0 for any.
	MaxSessions int
	// EndlessFolder makes every folder list files without end over SFTP.
	EndlessFolder bool
	// Silent servers accept connections and say nothing.
	Silent bool
}

// Server is one SSH server on the loopback interface.
type Server struct {
	// Reset is how many connections are reset before anything is said.
	Reset atomic.Int32
	// Accepted, Authenticated and Offered count connections, those that got in, and
	// keys that were tried.
	Accepted, Authenticated, Offered atomic.Int32

	frozen   atomic.Bool
	listener net.Listener
	wg       sync.WaitGroup

	mu     sync.Mutex
	config Config
	open   map[net.Conn]bool
}

// Key makes an ed25519 key.
func Key(t testing.TB) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return signer(t, private, err)
}

// ECDSAKey makes an ECDSA key on P-256.
func ECDSAKey(t testing.TB) ssh.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return signer(t, private, err)
}

func signer(t testing.TB, private any, err error) ssh.Signer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Config is how the server behaves now.
func (s *Server) Config() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// Change changes how it behaves towards new connections.
func (s *Server) Change(f func(*Config)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.config)
}

// Start makes a server that listens until the test ends.
func Start(t testing.TB, config Config) *Server {
	t.Helper()
	s := &Server{config: config, open: map[net.Conn]bool{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener = l
	s.wg.Go(s.accept)
	t.Cleanup(func() {
		_ = l.Close()
		s.Cut()
		s.wg.Wait()
	})
	return s
}

// Port is where it listens.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Address is host:port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())) }

// Cut ends all connections.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		_ = c.Close()
	}
}

// Freeze makes the server swallow what it is sent and say nothing more.
func (s *Server) Freeze() { s.frozen.Store(true) }

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.Accepted.Add(1)
		if s.Reset.Add(-1) >= 0 {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
			continue
		}
		s.mu.Lock()
		s.open[c] = true
		s.mu.Unlock()
		if s.Config().Silent {
			continue
		}
		s.wg.Go(func() {
			s.serve(&lossy{c, s})
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
			_ = c.Close()
		})
	}
}

// lossy is a connection that a frozen server does not write to.
type lossy struct {
	net.Conn
	s *Server
}

func (l *lossy) Write(b []byte) (int, error) {
	if l.s.frozen.Load() {
		return len(b), nil
	}
	return l.Conn.Write(b)
}

func (s *Server) serve(c net.Conn) {
	now := s.Config()
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		s.Offered.Add(1)
		if now.User == nil || string(key.Marshal()) != string(now.User.Marshal()) {
			return nil, errors.New("not this one")
		}
		return nil, nil
	}}
	for _, k := range now.HostKeys {
		config.AddHostKey(k)
	}
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	s.Authenticated.Add(1)
	s.wg.Go(func() { ssh.DiscardRequests(requests) })
	var sessions atomic.Int32
	for ch := range channels {
		switch {
		case ch.ChannelType() == "direct-tcpip":
			s.wg.Go(func() { s.forward(ch) })
		case ch.ChannelType() != "session":
			_ = ch.Reject(ssh.UnknownChannelType, "no such channel")
		case now.MaxSessions > 0 && int(sessions.Load()) >= now.MaxSessions:
			_ = ch.Reject(ssh.ConnectionFailed, "open failed")
		default:
			sessions.Add(1)
			s.wg.Go(func() {
				s.session(ch, now)
				sessions.Add(-1)
			})
		}
	}
	_ = conn.Wait()
}
