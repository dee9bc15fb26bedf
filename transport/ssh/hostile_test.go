package ssh

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"muster/transport"
	"muster/transport/ssh/sshtest"
)

// TestEndlessFolder: a node whose cache folder lists files without end makes its own
// upload fail, and does not fill the memory.
func TestEndlessFolder(t *testing.T) {
	s := newSite(t)
	s.Change(func(c *sshtest.Config) { c.EndlessFolder = true })
	before := allocated()
	e := s.fails(t, newDialer(t), transport.Upload, nil)
	if !strings.Contains(e.Error(), "the server answers with more than 4194304 bytes") {
		t.Error(e)
	}
	if got := allocated() - before; got > 1<<30 {
		t.Errorf("%d MiB were allocated", got>>20)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// raw is a server that only writes, once for every connection.
func raw(t *testing.T, say func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
			say(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-over
	})
	return l.Addr().(*net.TCPAddr).Port
}

// TestEvilServer: what is no SSH server ends in its stage, in time, and in words
// that say so.
func TestEvilServer(t *testing.T) {
	forever := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, text); err != nil {
					return
				}
			}
		}
	}
	for name, say := range map[string]func(net.Conn){
		"nothing":         func(c net.Conn) {},
		"endless line":    forever(strings.Repeat("x", 4096)),
		"endless lines":   forever("hello\r\n"),
		"wrong protocol":  func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") },
		"endless packets": func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); forever("\xff\xff\xff\xff")(c) },
		"empty packets": func(c net.Conn) {
			_, _ = io.WriteString(c, "SSH-2.0-x\r\n")
			forever("\x00\x00\x00\x0c\x0a\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, d := newSite(t), newDialer(t)
			d.limits.handshake = 2 * time.Second
			s.target.Port, s.target.HostKeyPolicy = raw(t, say), "accept-new"
			before, began := allocated(), time.Now()
			var e *transport.Error
			if _, err := d.Dial(t.Context(), s.target, s.args); !errors.As(err, &e) || e.Stage != transport.Kex {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			if got := allocated() - before; got > 256<<20 {
				t.Errorf("%d MiB were allocated", got>>20)
			}
		})
	}
}
