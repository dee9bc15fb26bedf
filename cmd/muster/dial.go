package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"

	"muster/cmd/muster/view"
	"muster/inventory"
	"muster/playbooks/run"
	"muster/transport"
	"muster/transport/local"
	"muster/transport/ssh"
	"muster/transport/wire"
)

// dialer reaches the hosts of an inventory: over SSH, or this machine itself.
type dialer struct {
	inv     *inventory.Inventory
	secrets *inventory.Secrets
	flags   *flags
	agents  transport.Agents
	ssh     *ssh.Dialer
	log     *slog.Logger
	who     string
}

// newDialer reads the passwords that were asked for; hosts are those it will dial.
func (a *app) newDialer(inv *inventory.Inventory, secrets *inventory.Secrets, hosts []*inventory.Host) (*dialer, error) {
	if err := enoughFiles(hosts); err != nil {
		return nil, err
	}
	if err := a.flags.readPasswords(a); err != nil {
		return nil, err
	}
	agents, err := packedAgents()
	if err != nil {
		return nil, err
	}
	return &dialer{inv: inv, secrets: secrets, flags: &a.flags, agents: agents, ssh: ssh.NewDialer(agents), log: a.log, who: operator()}, nil
}

// close ends what hosts share, such as connections to jump hosts, and tells which
// host keys were accepted.
func (d *dialer) close() {
	for _, line := range d.ssh.Accepted() {
		d.log.Info(view.Line(line))
	}
	_ = d.ssh.Close()
}

// Dial implements run.Dialer.
func (d *dialer) Dial(ctx context.Context, host string, mode wire.Mode, id string) (run.Conn, error) {
	h := d.inv.Host(host)
	c := h.Connection
	args := transport.AgentArgs{Mode: mode, Run: id, Who: d.who}
	var err error
	if c.Become {
		if args.SudoPassword, err = d.sudoPassword(c); err != nil {
			return nil, err
		}
	}
	var conn *transport.Conn
	if c.Local {
		conn, err = local.Dial(ctx, local.Target{Name: host, Become: c.Become}, d.agents, args)
	} else {
		conn, err = d.ssh.Dial(ctx, d.target(h), args)
	}
	if err != nil {
		return nil, explained(err)
	}
	return link{conn}, nil
}

// explained adds what else is known about a node that could not be reached: the
// last line that it printed, and what to do.
func explained(err error) error {
	var e *transport.Error
	if !errors.As(err, &e) {
		return err
	}
	printed := strings.TrimSpace(e.Stderr)
	if last := strings.TrimSpace(printed[strings.LastIndexByte(printed, '\n')+1:]); last != "" && !strings.Contains(err.Error(), last) {
		err = fmt.Errorf("%w: %s", err, last)
	}
	if e.Hint != "" {
		err = fmt.Errorf("%w (hint: %s)", err, e.Hint)
	}
	return err
}

func (d *dialer) sudoPassword(c inventory.Connection) ([]byte, error) {
	if d.flags.become != nil {
		return d.flags.become, nil
	}
	if c.BecomePassword == nil {
		return nil, nil
	}
	b, pending, err := d.secrets.Value(c.BecomePassword.Name)
	if err == nil && pending {
		err = fmt.Errorf("become_password: secret %q does not exist yet: give it with env or file", c.BecomePassword.Name)
	}
	if err != nil {
		return nil, err
	}
	if b, err = onePassword(b); err != nil {
		return nil, fmt.Errorf("become_password: secret %q: %w", c.BecomePassword.Name, err)
	}
	return b, nil
}

// target is where and how to connect: flags win over the inventory.
func (d *dialer) target(h *inventory.Host) ssh.Target {
	c := h.Connection
	t := ssh.Target{Name: h.Name, Address: h.Address, Port: c.Port, User: c.User, Identity: c.Identity, Agent: c.Agent,
		Password: d.flags.login, Become: c.Become, KnownHosts: c.KnownHosts, HostKeys: c.HostKeys, HostKeyPolicy: c.HostKeyPolicy}
	for _, j := range c.Jump {
		t.Jump = append(t.Jump, hop(j))
	}
	if d.flags.user != "" {
		t.User = d.flags.user
	}
	if d.flags.hostKey != "" {
		t.HostKeyPolicy = d.flags.hostKey
	}
	return t
}

// hop reads [user@]host[:port], which the inventory has checked.
func hop(s string) ssh.Hop {
	var h ssh.Hop
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		h.User, s = s[:at], s[at+1:]
	}
	h.Address = strings.Trim(s, "[]")
	if host, port, err := net.SplitHostPort(s); err == nil {
		h.Address = host
		h.Port, _ = strconv.Atoi(port)
	}
	h.Name = h.Address
	return h
}

// link is a transport.Conn as a run sees it.
type link struct{ *transport.Conn }

func (l link) Send(ctx context.Context, m wire.Message) error { return hostile(l.Conn.Send(ctx, m)) }

func (l link) Recv(ctx context.Context) (wire.Message, error) {
	m, err := l.Conn.Recv(ctx)
	return m, hostile(err)
}

// hostile marks errors after which a node is left alone.
func hostile(err error) error {
	if errors.Is(err, transport.ErrHostile) {
		return violation{err}
	}
	return err
}

// violation is a transport.ErrHostile that is a run.ErrHostile as well, in the same
// words.
type violation struct{ error }

// Unwrap gives both.
func (v violation) Unwrap() []error { return []error{run.ErrHostile, v.error} }

// operator is user@host of this side: nodes show it to whom they are locked for.
func operator() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}
