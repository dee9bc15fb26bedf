package ssh

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"muster/transport"
	"muster/transport/ssh/sshtest"
)

func TestUnknownHostKey(t *testing.T) {
	s := newSite(t)
	if err := os.WriteFile(s.known, []byte("other.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKFJ3t2jBZ9i2x0uJwqSgZk7WgQ0c2p5mV5a0v0r7oXn"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(s.known)
	e := s.fails(t, newDialer(t), transport.HostKey, ErrUnknownKey)
	if !strings.Contains(e.Error(), ssh.FingerprintSHA256(s.Config().HostKeys[0].PublicKey())) ||
		!strings.Contains(e.Hint, fmt.Sprintf("ssh-keyscan -p %d 127.0.0.1", s.Port())) {
		t.Errorf("%v (%s)", e, e.Hint)
	}
	if after, _ := os.ReadFile(s.known); string(after) != string(before) {
		t.Error("known_hosts was changed")
	}

	s.target.HostKeyPolicy = AcceptNew
	d := newDialer(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			c, err := d.Dial(t.Context(), s.target, s.args)
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
	}
	wg.Wait()
	if told := d.Accepted(); len(told) != 1 || !strings.Contains(told[0], ssh.FingerprintSHA256(s.Config().HostKeys[0].PublicKey())) || !strings.Contains(told[0], s.known) {
		t.Errorf("told: %q", told)
	}
	after, _ := os.ReadFile(s.known)
	if lines := strings.Split(strings.TrimSpace(string(after)), "\n"); len(lines) != 2 || !strings.HasPrefix(string(after), string(before)+"\n") {
		t.Errorf("known_hosts:\n%s", after)
	}
	s.target.HostKeyPolicy = Strict
	s.dial(t, newDialer(t))
}

func TestChangedHostKey(t *testing.T) {
	for _, policy := range []string{Strict, AcceptNew} {
		s := newSite(t)
		s.Change(func(c *sshtest.Config) { c.HostKeys = []ssh.Signer{sshtest.Key(t)} })
		s.target.HostKeyPolicy = policy
		e := s.fails(t, newDialer(t), transport.HostKey, ErrChangedKey)
		if !strings.Contains(e.Error(), s.known+":1") {
			t.Errorf("%s: %v", policy, e)
		}
		if s.Offered.Load() > 0 {
			t.Error("a key was offered to a server with the wrong host key")
		}
	}
}

// TestOtherAlgorithm: the file has the server's second key only.
func TestOtherAlgorithm(t *testing.T) {
	s := newSite(t)
	s.Change(func(c *sshtest.Config) { c.HostKeys = []ssh.Signer{sshtest.ECDSAKey(t), c.HostKeys[0]} })
	s.dial(t, newDialer(t))
}

func TestRevokedHostKey(t *testing.T) {
	s := newSite(t)
	line := "@revoked * " + string(ssh.MarshalAuthorizedKey(s.Config().HostKeys[0].PublicKey()))
	b, _ := os.ReadFile(s.known)
	if err := os.WriteFile(s.known, append(b, line...), 0o600); err != nil {
		t.Fatal(err)
	}
	if e := s.fails(t, newDialer(t), transport.HostKey, nil); !strings.Contains(e.Error(), "revoked") {
		t.Error(e)
	}
}

func TestKnownByName(t *testing.T) {
	s := newSite(t)
	line := fmt.Sprintf("[n1]:%d %s", s.Port(), ssh.MarshalAuthorizedKey(s.Config().HostKeys[0].PublicKey()))
	if err := os.WriteFile(s.known, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	s.dial(t, newDialer(t))
}

func TestPinnedHostKey(t *testing.T) {
	s := newSite(t)
	if err := os.Remove(s.known); err != nil {
		t.Fatal(err)
	}
	s.target.HostKeys = []string{string(ssh.MarshalAuthorizedKey(s.Config().HostKeys[0].PublicKey()))}
	s.dial(t, newDialer(t))
	s.target.HostKeys = []string{string(ssh.MarshalAuthorizedKey(sshtest.Key(t).PublicKey()))}
	s.fails(t, newDialer(t), transport.HostKey, ErrChangedKey)
	s.target.HostKeys = []string{"nonsense"}
	s.fails(t, newDialer(t), transport.HostKey, nil)
}
