package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"muster/integration/lab"
	"muster/integration/workload"
	"muster/inventory"
)

// rttSite is one node, reached through proxies.
type rttSite struct {
	o      options
	dir    string
	name   string // of the lab; "" while there is none
	sim    bool
	target string // host:port of the node's sshd
}

func (s *rttSite) inLab(ctx context.Context, args ...string) error {
	plain := s.o
	plain.profile = ""
	_, err := plain.measured(ctx, s.dir, "", append(append([]string{"lab"}, args...), "--name", s.name, "--dir", s.dir)...)
	return err
}

// up makes the node and applies the workload to it.
func (s *rttSite) up(ctx context.Context) error {
	s.name = fmt.Sprintf("rtt-%d", os.Getpid())
	s.sim = exec.CommandContext(ctx, "docker", "info").Run() != nil
	args := []string{"up", "--node", rttHost + ":slurm_node"}
	if s.sim {
		s.o.say("no Docker: the node is simulated")
		args = []string{"up", "--driver", "sim", "--nodes", "2"}
	}
	if err := s.inLab(ctx, args...); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, "play.hcl"), []byte(workload.HCL(rttHost)), 0o644); err != nil {
		return err
	}
	inv, diags := inventory.Load(filepath.Join(s.dir, lab.FileInventory), inventory.Options{})
	if diags.HasErrors() {
		return diags
	}
	node := inv.Host(rttHost)
	s.target = net.JoinHostPort(node.Address, strconv.Itoa(node.Connection.Port))
	_, err := s.o.measured(ctx, s.dir, "rtt-first", "apply", "--yes", "-i", lab.FileInventory, "play.hcl")
	return err
}

// write writes the inventory that reaches the node through a proxy on that port.
func (s *rttSite) write(port int) error {
	known, err := os.ReadFile(filepath.Join(s.dir, lab.FileKnownHosts))
	if err != nil {
		return err
	}
	host, tcp, err := net.SplitHostPort(s.target)
	if err != nil {
		return err
	}
	var through strings.Builder
	for line := range strings.Lines(string(known)) {
		if at, key, _ := strings.Cut(line, " "); at == host || at == "["+host+"]:"+tcp {
			fmt.Fprintf(&through, "[127.0.0.1]:%d %s", port, key)
		}
	}
	text := fmt.Sprintf("cluster \"rtt\" {}\n\nconnection {\n  user        = \"admin\"\n  become      = true\n  identity    = %q\n  known_hosts = %q\n  port        = %d\n}\n\n"+
		"host %q {\n  address = \"127.0.0.1\"\n}\n", filepath.Join(s.dir, lab.FileKey), filepath.Join(s.dir, rttKnown), port, rttHost)
	return errors.Join(os.WriteFile(filepath.Join(s.dir, rttKnown), []byte(through.String()), 0o600),
		os.WriteFile(filepath.Join(s.dir, "proxy.hcl"), []byte(text), 0o600))
}

func (s *rttSite) down(ctx context.Context) error {
	if s.name == "" {
		return nil
	}
	return s.inLab(ctx, "down")
}

// rounds measures both ways in turn.
func (s *rttSite) rounds(ctx context.Context, n int) (near, far rttTimes, err error) {
	for range n {
		for _, way := range []struct {
			delay time.Duration
			times *rttTimes
		}{{0, &near}, {rttTrip / 2, &far}} {
			if err := s.round(ctx, way.delay, way.times); err != nil {
				return near, far, err
			}
		}
	}
	return near, far, nil
}

// round measures one handshake and one apply through a proxy.
func (s *rttSite) round(ctx context.Context, delay time.Duration, t *rttTimes) (err error) {
	proxy, err := newDelayed(s.target, delay)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, proxy.Close()) }()
	if err := s.write(proxy.Port()); err != nil {
		return err
	}
	hands, err := s.handshake(proxy.Port())
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	p, err := s.o.measured(ctx, s.dir, "rtt-noop", "apply", "--yes", "-i", "proxy.hcl", "play.hcl")
	if err != nil {
		return err
	}
	if !strings.Contains(p.Stdout, nothingToDo) {
		return fmt.Errorf("the apply has something to do: %s", lastLines(p.Stdout))
	}
	s.o.say("%v each way: handshake %.3f s, apply %.3f s (load %s)", delay, hands, p.Seconds, load())
	t.hands, t.apply = append(t.hands, hands), append(t.apply, p.Seconds)
	return nil
}

// handshake connects and authenticates as any SSH client does, in seconds.
func (s *rttSite) handshake(port int) (float64, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, lab.FileKey))
	if err != nil {
		return 0, err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return 0, err
	}
	known, err := knownhosts.New(filepath.Join(s.dir, rttKnown))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	c, err := ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &ssh.ClientConfig{
		User: "admin", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: known, HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	if err != nil {
		return 0, err
	}
	return time.Since(began).Seconds(), c.Close()
}
