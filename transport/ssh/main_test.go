package ssh

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/skeema/knownhosts"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"crypto/ed25519"
	"crypto/rand"

	"muster/modules/machine"
	"muster/modules/machine/memory"
	"muster/transport"
	"muster/transport/agent"
	"muster/transport/ssh/sshtest"
	"muster/transport/wire"
)

// TestMain makes the test binary its own agent: that is what is uploaded and
// started by the tests, on a node of maps.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func serve() error {
	digest, err := agent.Self()
	if err != nil {
		return err
	}
	args := map[string]string{}
	for i := 2; i+1 < len(os.Args); i += 2 {
		args[os.Args[i]] = os.Args[i+1]
	}
	facts := machine.Facts{Hostname: strings.Join(os.Args[2:], " "), Arch: runtime.GOARCH}
	return agent.Serve(context.Background(), os.Stdin, os.Stdout, agent.Options{
		Mode: wire.Mode(args["--mode"]), Run: args["--run"], Who: args["--who"], Dir: args["--dir"], Digest: digest,
		Store: func() (machine.Store, error) { return memory.New(facts), nil },
	})
}

// site is a node, a user with a key, and known_hosts.
type site struct {
	*sshtest.Server
	target Target
	args   transport.AgentArgs
	home   string
	known  string
	key    string
}

func newSite(t *testing.T) *site {
	t.Helper()
	home := t.TempDir()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	user, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		Server: sshtest.Start(t, sshtest.Config{Home: home, Env: []string{"PATH=" + os.Getenv("PATH")},
			HostKeys: []ssh.Signer{sshtest.Key(t)}, User: user}),
		home: home, known: filepath.Join(home, "known_hosts"), key: filepath.Join(home, "key"),
		args: transport.AgentArgs{Mode: wire.Plan, Run: "r1", Who: "me@here there", Dir: filepath.Join(home, "muster")},
	}
	if err := os.WriteFile(s.key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	s.target = Target{Name: "n1", Address: "127.0.0.1", Port: s.Port(), User: "admin", Identity: []string{s.key}, KnownHosts: s.known}
	s.trust(t, s.Server)
	return s
}

// trust files the first host key of a server.
func (s *site) trust(t *testing.T, server *sshtest.Server) {
	t.Helper()
	f, err := os.OpenFile(s.known, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(knownhosts.Line([]string{server.Address()}, server.Config().HostKeys[0].PublicKey()) + "\n"); err != nil {
		t.Fatal(err)
	}
}

var self = func() transport.Agents {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return transport.Binary(runtime.GOARCH, b)
}()

func newDialer(t *testing.T) *Dialer {
	d := NewDialer(self)
	d.wait = func(context.Context, int) error { return nil }
	t.Cleanup(func() { d.Close() })
	return d
}

// dial is Dial of a site, which has to work.
func (s *site) dial(t *testing.T, d *Dialer) *transport.Conn {
	t.Helper()
	c, err := d.Dial(t.Context(), s.target, s.args)
	if err != nil {
		t.Fatalf("%v (%s)", err, stderrOf(err))
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func stderrOf(err error) string {
	var e *transport.Error
	if errors.As(err, &e) {
		return e.Stderr
	}
	return ""
}

// fails is Dial of a site, which has to fail at a stage.
func (s *site) fails(t *testing.T, d *Dialer, stage transport.Stage, want error) *transport.Error {
	t.Helper()
	c, err := d.Dial(t.Context(), s.target, s.args)
	if err == nil {
		c.Close()
		t.Fatal("dialled")
	}
	var e *transport.Error
	if !errors.As(err, &e) || e.Stage != stage || want != nil && !errors.Is(err, want) {
		t.Fatalf("got %v (%s), want stage %s and %v", err, stderrOf(err), stage, want)
	}
	return e
}

// plan makes an agent plan nothing, to see that it is there.
func plan(t *testing.T, c *transport.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Send(ctx, wire.Steps{}); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Recv(ctx); err != nil {
		t.Fatal(err, c.Stderr())
	} else if _, ok := m.(wire.Base); !ok {
		t.Fatalf("got %T", m)
	}
}
