package ssh

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"muster/transport"
	"muster/transport/boot"
	"muster/transport/ssh/sshtest"
	"muster/transport/wire"
)

func TestUploadOnce(t *testing.T) {
	s := newSite(t)
	s.Change(func(c *sshtest.Config) { c.MaxSessions = 1 })
	d := newDialer(t)
	for range 3 {
		c := s.dial(t, d)
		plan(t, c)
		want := "--mode plan --run r1 --who me@here_there --dir " + s.args.Dir
		if got := c.Hello().Facts.Hostname; got != want {
			t.Errorf("the agent was started with %q, want %q", got, want)
		}
		if err := c.Send(t.Context(), wire.Bye{}); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	if d.Uploads() != 1 {
		t.Errorf("%d uploads, want 1", d.Uploads())
	}
	digest, _, err := self.Agent(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(filepath.Join(s.args.Dir, "agent", digest)); err != nil || i.Mode().Perm() != 0o755 {
		t.Errorf("installed: %v, %v", i, err)
	}
	left, err := os.ReadDir(filepath.Join(s.home, ".cache", "muster"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
}

func TestNoise(t *testing.T) {
	s := newSite(t)
	s.Change(func(c *sshtest.Config) {
		c.Banner = "Welcome to n1!\r\nYou have new mail.\n" + strings.Repeat("=", 4000) + "\n"
	})
	plan(t, s.dial(t, newDialer(t)))
}

func TestOnlyNoise(t *testing.T) {
	s := newSite(t)
	s.Change(func(c *sshtest.Config) { c.Banner = strings.Repeat("no ", 40_000) })
	if e := s.fails(t, newDialer(t), transport.Agent, transport.ErrHostile); !strings.Contains(e.Error(), "no start of frames") {
		t.Error(e)
	}
}

// forged hands out something else than its digest says.
type forged struct{ transport.Agents }

func (f forged) Agent(arch string) (string, func() (io.ReadCloser, error), error) {
	digest, _, err := f.Agents.Agent(arch)
	return digest, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("#!/bin/sh\nexit 3\n")), nil }, err
}

func TestUploadIsChecked(t *testing.T) {
	s := newSite(t)
	d := newDialer(t)
	d.agents = forged{self}
	if e := s.fails(t, d, transport.Upload, nil); !strings.Contains(e.Error(), "cannot install") {
		t.Error(e)
	}
	left, err := os.ReadDir(filepath.Join(s.args.Dir, "agent"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestWrongAgentThere: what lies in the agent's place and is not the agent is replaced.
func TestWrongAgentThere(t *testing.T) {
	for what, damage := range map[string]func(path string) error{
		"program": func(path string) error {
			return os.WriteFile(path, []byte("#!/bin/sh\necho broken >&2; exit 3\n"), 0o755)
		},
		"cut":    func(path string) error { return os.WriteFile(path, []byte("\x7fELF\x02\x01\x01"), 0o755) },
		"empty":  func(path string) error { return os.WriteFile(path, nil, 0o755) },
		"folder": func(path string) error { return os.MkdirAll(filepath.Join(path, "x"), 0o755) },
	} {
		t.Run(what, func(t *testing.T) { wrongAgent(t, damage) })
	}
}

func wrongAgent(t *testing.T, damage func(path string) error) {
	s := newSite(t)
	digest, _, err := self.Agent(runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.args.Dir, "agent")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := damage(filepath.Join(dir, digest)); err != nil {
		t.Fatal(err)
	}
	d := newDialer(t)
	plan(t, s.dial(t, d))
	if d.Uploads() != 1 {
		t.Errorf("%d uploads, want 1", d.Uploads())
	}
}

func TestNoAgentForNode(t *testing.T) {
	s := newSite(t)
	d := newDialer(t)
	d.agents = transport.Binary("s390x", []byte("x"))
	s.fails(t, d, transport.Agent, transport.ErrNoAgent)
}

func TestWrongKey(t *testing.T) {
	s := newSite(t)
	s.Change(func(c *sshtest.Config) { c.User = sshtest.Key(t).PublicKey() })
	s.fails(t, newDialer(t), transport.Auth, nil)
	if a, o := s.Accepted.Load(), s.Offered.Load(); a != 1 || o != 1 {
		t.Errorf("%d connections and %d keys for one refusal", a, o)
	}
}

func TestKeysOffered(t *testing.T) {
	s := newSite(t)
	s.Change(func(c *sshtest.Config) { c.User = sshtest.Key(t).PublicKey() })
	for range 5 {
		other := newSite(t)
		s.target.Identity = append(s.target.Identity, other.key)
	}
	s.fails(t, newDialer(t), transport.Auth, nil)
	if o := s.Offered.Load(); o > maxKeys {
		t.Errorf("%d keys were offered", o)
	}
}

func TestResetAtAccept(t *testing.T) {
	s := newSite(t)
	s.Reset.Store(4)
	s.dial(t, newDialer(t))
	if got := s.Accepted.Load(); got != 5 {
		t.Errorf("%d connections, want 5", got)
	}
	s.Reset.Store(1000)
	s.Accepted.Store(0)
	_, err := newDialer(t).Dial(t.Context(), s.target, s.args)
	var e *transport.Error // the reset may be seen by connect already
	if !errors.As(err, &e) || e.Stage != transport.Kex && e.Stage != transport.Connect {
		t.Fatal(err)
	}
	if s.Accepted.Load() != maxTries || !strings.Contains(e.Hint, "MaxStartups") || !strings.Contains(e.Error(), "tried 6 times") {
		t.Errorf("%d connections: %v (%s)", s.Accepted.Load(), e, e.Hint)
	}
}

func TestNobodyThere(t *testing.T) {
	s := newSite(t)
	s.target.Port = 1
	s.fails(t, newDialer(t), transport.Connect, nil)
	s.target.Address = "n1.invalid"
	s.fails(t, newDialer(t), transport.Resolve, nil)
}

func TestSilentServer(t *testing.T) {
	s := newSite(t)
	silent := sshtest.Start(t, sshtest.Config{Silent: true})
	s.target.Port = silent.Port()
	d := newDialer(t)
	d.limits.handshake = 50 * time.Millisecond
	if e := s.fails(t, d, transport.Kex, nil); !strings.Contains(e.Error(), "50ms") {
		t.Error(e)
	}
}

func TestFrozenServer(t *testing.T) {
	s := newSite(t)
	d := newDialer(t)
	d.limits.keepEvery, d.limits.keepLimit = 20*time.Millisecond, 50*time.Millisecond
	c := s.dial(t, d)
	s.Freeze()
	if _, err := c.Recv(t.Context()); !errors.Is(err, transport.ErrLost) {
		t.Errorf("got %v", err)
	}
}

func TestCutLine(t *testing.T) {
	s := newSite(t)
	c := s.dial(t, newDialer(t))
	s.Cut()
	if _, err := c.Recv(t.Context()); !errors.Is(err, transport.ErrLost) {
		t.Errorf("got %v", err)
	}
	if err := c.Send(t.Context(), wire.Begin{}); !errors.Is(err, transport.ErrLost) {
		t.Errorf("send: %v", err)
	}
}

// TestJumpChain goes through two jump hosts to four nodes at once.
func TestJumpChain(t *testing.T) {
	s := newSite(t)
	var hops []*sshtest.Server
	for range 2 {
		h := sshtest.Start(t, sshtest.Config{HostKeys: []ssh.Signer{sshtest.Key(t)}, User: s.Config().User})
		s.trust(t, h)
		hops = append(hops, h)
		s.target.Jump = append(s.target.Jump, Hop{Name: "jump", Address: "127.0.0.1", Port: h.Port()})
	}
	d := newDialer(t)
	s.dial(t, d) // the agent is there now
	var wg sync.WaitGroup
	for range 4 {
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
	for i, h := range hops {
		if got := h.Accepted.Load(); got != 1 {
			t.Errorf("hop %d: %d connections, want 1", i, got)
		}
	}
	hops[1].Cut() // the chain is made again
	s.dial(t, d)
	hops[0].Change(func(c *sshtest.Config) { c.User = sshtest.Key(t).PublicKey() })
	e := s.fails(t, newDialer(t), transport.Auth, nil)
	if e.Host != "jump" || hops[0].Accepted.Load() != 2 {
		t.Errorf("%v after %d connections", e, hops[0].Accepted.Load())
	}
}

func TestJumpHostKeyIsChecked(t *testing.T) {
	s := newSite(t)
	h := sshtest.Start(t, sshtest.Config{HostKeys: []ssh.Signer{sshtest.Key(t)}, User: s.Config().User})
	s.target.Jump = []Hop{{Address: "127.0.0.1", Port: h.Port()}}
	s.fails(t, newDialer(t), transport.HostKey, ErrUnknownKey)
	if s.Accepted.Load() != 0 {
		t.Error("the node was reached through an unknown host")
	}
}

// fakeSudo is a sudo that behaves as told by the file $HOME/sudo: the password it
// asks for, or what it says.
const fakeSudo = `#!/bin/sh
read -r kind rest <$HOME/sudo
prompt=
while [ $# -gt 0 ]; do case $1 in -n) never=1;; -S) ;; -p) prompt=$2; shift;; --) shift; break;; esac; shift; done
case $kind in
say) echo "$rest" >&2; exit 1;;
ask) [ -z "$never" ] || { echo "sudo: a password is required" >&2; exit 1; }
  printf "%s" "$prompt" >&2; read -r got
  [ "$got" = "$rest" ] || { echo "Sorry, try again." >&2; printf "%s" "$prompt" >&2; read -r got || { echo "sudo: no password was provided" >&2; exit 1; }; };;
esac
exec "$@"
`

func TestSudo(t *testing.T) {
	s := newSite(t)
	bin := filepath.Join(s.home, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte(fakeSudo), 0o755); err != nil {
		t.Fatal(err)
	}
	s.Change(func(c *sshtest.Config) { c.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")} })
	s.target.Become = true
	d := newDialer(t)
	for _, tt := range []struct {
		sudo, password string
		want           error
	}{
		{"free", "", nil},
		{"free", "given and not asked for", nil},
		{"ask open sesame", "open sesame", nil},
		{"ask open sesame", "", boot.ErrPasswordNeeded},
		{"ask open sesame", "wrong", boot.ErrPasswordWrong},
		{"say sudo: sorry, you must have a tty to run sudo", "", boot.ErrNeedsTerminal},
		{"say admin is not in the sudoers file.", "x", boot.ErrNotAllowed},
		{"say sudo: I'm sorry admin. I'm afraid I can't do that", "", boot.ErrNotAllowed},
		{"say sudo: interactive authentication is required", "", boot.ErrPasswordNeeded},
	} {
		if err := os.WriteFile(filepath.Join(s.home, "sudo"), []byte(tt.sudo+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.args.SudoPassword = nil
		if tt.password != "" {
			s.args.SudoPassword = []byte(tt.password)
		}
		if tt.want != nil {
			e := s.fails(t, d, transport.Sudo, tt.want)
			if strings.Contains(e.Stderr, "muster-sudo-") {
				t.Errorf("the prompt is shown: %s", e.Stderr)
			}
			continue
		}
		c := s.dial(t, d)
		plan(t, c)
		c.Close()
	}
	if err := os.Remove(filepath.Join(bin, "sudo")); err != nil {
		t.Fatal(err)
	}
	s.Change(func(c *sshtest.Config) { c.Env = []string{"PATH=" + bin + ":/nowhere"} })
	for _, tool := range []string{"env"} {
		if err := os.Symlink("/usr/bin/"+tool, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	s.fails(t, d, transport.Sudo, boot.ErrNoSudo)
}

func TestBadWords(t *testing.T) {
	s := newSite(t)
	for _, bad := range []string{"", "a b", "$(reboot)", "a;b", "'"} {
		s.args.Run = bad
		s.fails(t, newDialer(t), transport.Agent, nil)
	}
}
