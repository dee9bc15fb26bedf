package sshtest

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strconv"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// session runs one command or serves SFTP, as sshd does.
func (s *Server) session(nc ssh.NewChannel, now Config) {
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	for r := range requests {
		var text struct{ Value string }
		_ = ssh.Unmarshal(r.Payload, &text)
		switch {
		case r.Type == "exec":
			_ = r.Reply(true, nil)
			s.wg.Go(func() { ssh.DiscardRequests(requests) })
			s.command(ch, text.Value, now)
			return
		case r.Type == "subsystem" && text.Value == "sftp":
			_ = r.Reply(true, nil)
			s.wg.Go(func() { ssh.DiscardRequests(requests) })
			serveSFTP(ch, now)
			return
		default:
			_ = r.Reply(false, nil)
		}
	}
}

func serveSFTP(ch ssh.Channel, now Config) {
	if now.EndlessFolder {
		h := sftp.InMemHandler()
		h.FileList, h.FileCmd = endless{h.FileList}, obedient{}
		server := sftp.NewRequestServer(ch, h)
		_ = server.Serve()
		_ = server.Close()
		return
	}
	server, err := sftp.NewServer(ch, sftp.WithServerWorkingDirectory(now.Home))
	if err != nil {
		return
	}
	_ = server.Serve()
	_ = server.Close()
}

// endless is a file system whose folders have no end.
type endless struct{ sftp.FileLister }

// Filelist implements sftp.FileLister.
func (e endless) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method != "List" {
		return e.FileLister.Filelist(r)
	}
	info, err := os.Stat(os.TempDir())
	return listing{info}, err
}

// obedient says yes to every command and does none.
type obedient struct{}

// Filecmd implements sftp.FileCmder.
func (obedient) Filecmd(*sftp.Request) error { return nil }

type listing struct{ fs.FileInfo }

// ListAt implements sftp.ListerAt.
func (l listing) ListAt(to []fs.FileInfo, _ int64) (int, error) {
	for i := range to {
		to[i] = l.FileInfo
	}
	return len(to), nil
}

func (s *Server) command(ch ssh.Channel, line string, now Config) {
	_, _ = io.WriteString(ch, now.Banner)
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.Dir, cmd.Env = now.Home, append([]string{"HOME=" + now.Home}, now.Env...)
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	// Not cmd.Stdin: Wait would wait for its end.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	if err := cmd.Start(); err != nil {
		return
	}
	s.wg.Go(func() {
		_, _ = io.Copy(stdin, ch)
		_ = stdin.Close()
	})
	err = cmd.Wait()
	var exit *exec.ExitError
	status := struct{ Code uint32 }{}
	if errors.As(err, &exit) {
		status.Code = uint32(exit.ExitCode())
	}
	_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(status))
}

// forward is a jump host's part.
func (s *Server) forward(nc ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(nc.ExtraData(), &to); err != nil {
		_ = nc.Reject(ssh.ConnectionFailed, "bad request")
		return
	}
	c, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = nc.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer c.Close()
	ch, requests, err := nc.Accept()
	if err != nil {
		return
	}
	s.wg.Go(func() { ssh.DiscardRequests(requests) })
	s.wg.Go(func() {
		_, _ = io.Copy(c, ch)
		_ = c.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(ch, c)
	_ = ch.Close()
}
