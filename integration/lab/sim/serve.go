package sim

import (
	"context"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/ssh"

	"muster/modules/all"
	"muster/modules/machine"
	"muster/transport/agent"
	"muster/transport/boot"
)

func (s *server) accept(ctx context.Context, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if !s.add(c) {
			_ = c.Close()
			return
		}
		s.fleet.wg.Go(func() {
			s.login(ctx, c)
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
			_ = c.Close()
		})
	}
}

func (s *server) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.open[c] = true
	}
	return !s.closed
}

// login serves one connection: sessions, and nothing else.
func (s *server) login(ctx context.Context, c net.Conn) {
	known := s.fleet.greet()
	config := *s.config
	config.AuthLogCallback = func(_ ssh.ConnMetadata, _ string, err error) {
		if err == nil { // and the client is told after this
			known()
		}
	}
	conn, channels, requests, err := ssh.NewServerConn(c, &config)
	known()
	if err != nil {
		return
	}
	s.fleet.wg.Go(func() { ssh.DiscardRequests(requests) })
	for nc := range channels {
		if nc.ChannelType() != "session" {
			_ = nc.Reject(ssh.UnknownChannelType, "a simulated node has sessions only")
			continue
		}
		s.fleet.wg.Go(func() { s.session(ctx, nc) })
	}
	_ = conn.Wait()
}

// session runs one command. There is no SFTP: the agent is there already.
func (s *server) session(ctx context.Context, nc ssh.NewChannel) {
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	for r := range requests {
		if r.Type != "exec" {
			_ = r.Reply(false, nil)
			continue
		}
		var command struct{ Line string }
		if ssh.Unmarshal(r.Payload, &command) != nil {
			_ = r.Reply(false, nil)
			return
		}
		_ = r.Reply(true, nil)
		s.fleet.wg.Go(func() { ssh.DiscardRequests(requests) })
		status := struct{ Code uint32 }{uint32(s.command(ctx, ch, command.Line))}
		_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(status))
		return
	}
}

// command runs the agent that the start command names; its result is an exit code.
func (s *server) command(ctx context.Context, ch ssh.Channel, line string) int {
	args, digest, err := boot.Parse(line)
	if err != nil {
		fmt.Fprintf(ch.Stderr(), "simulated node %s: %v; there is no shell\n", s.name, err)
		return 1
	}
	if digest == "" {
		text, exit := boot.NoAgent("Linux x86_64")
		_, _ = io.WriteString(ch.Stderr(), text)
		return exit
	}
	if s.evil != nil {
		return s.evil(Session{Args: args, Digest: digest, In: ch, Out: ch, Err: ch.Stderr()})
	}
	// Only a reader: the channel has to stay open for the exit code.
	in := struct{ io.Reader }{ch}
	err = agent.Serve(ctx, in, ch, agent.Options{
		Mode: args.Mode, Run: args.Run, Who: args.Who, Dir: s.dir, Digest: digest, Modules: all.Modules(),
		Store: func() (machine.Store, error) { return s.node, nil }, Lock: s.lock,
	})
	if err != nil {
		fmt.Fprintln(ch.Stderr(), "muster-agent:", err)
		return 1
	}
	return 0
}
