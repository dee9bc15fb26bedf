package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"muster/integration/lab"
	"muster/integration/lab/sim"
)

// forward listens on an address, with port 0 for any, hands every connection on to
// another one, and counts them.
func forward(t *testing.T, address, to string) (port int, count *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	count = &atomic.Int32{}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			count.Add(1)
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_ = in.Close()
					_ = out.Close()
				}()
			}
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port, count
}

// fleetBehind makes simulated nodes that are reached from the lab's bridge, as from a
// jump host, and a site whose inventory goes through it.
func fleetBehind(t *testing.T, l *lab.Lab, nodes int) (s *site, fleet *sim.Fleet, inventory func(jump string)) {
	t.Helper()
	dir, fleet := simulated(t, nodes)
	gateway := l.Nodes[0].Address[:strings.LastIndexByte(l.Nodes[0].Address, '.')] + ".1"
	hostKey := strings.Fields(readText(t, dir, lab.FileKnownHosts))[1:3]
	on(t, l, "node01", "echo '"+strings.TrimSpace(readText(t, dir, lab.FileKey+".pub"))+"' >>/home/admin/.ssh/authorized_keys")
	known, hosts := readText(t, l.Dir, lab.FileKnownHosts), ""
	for i := range nodes {
		port, _ := forward(t, gateway+":0", fmt.Sprintf("%s:%d", sim.Address(i), fleet.Port))
		known += fmt.Sprintf("[%s]:%d %s\n", gateway, port, strings.Join(hostKey, " "))
		hosts += fmt.Sprintf("host \"n%03d\" {\n address = %q\n connection { port = %d }\n}\n", i, gateway, port)
	}
	s = &site{l, t.TempDir()}
	inventory = func(jump string) {
		to, _, _ := strings.Cut(jump, ":")
		key := strings.Fields(known)[1:3] // the jump host's, under whatever address it is reached
		if strings.Contains(jump, ":") {
			to = "[" + to + "]:" + strings.Split(jump, ":")[1]
		}
		s.write(t, "known_hosts", known+to+" "+strings.Join(key, " ")+"\n")
		s.write(t, "inventory.hcl", fmt.Sprintf("cluster \"site\" {}\nconnection {\n user = \"admin\"\n become = true\n identity = %q\n known_hosts = %q\n jump = [%q]\n}\n",
			filepath.Join(dir, lab.FileKey), filepath.Join(s.dir, "known_hosts"), jump)+hosts)
	}
	s.write(t, "play.hcl", "step \"file\" \"work\" {\n on = \"all\"\n path = \"/root/work\"\n content = \"done\\n\"\n}\n")
	return s, fleet, inventory
}

// crowd fills sshd's places for connections that have not authenticated until it drops
// every further one; leave logs them all in, which costs no penalty, and ends them.
func crowd(t *testing.T, l *lab.Lab, address string) (leave func()) {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(l.Dir, lab.FileKey))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	var held []net.Conn
	dropped := 0 // in a row: sshd drops 30 % of them from the 11th on, and all from the 101st on
	for end := time.Now().Add(90 * time.Second); dropped < 40 && len(held) < 100; {
		if time.Now().After(end) {
			t.Fatalf("%d connections are open and sshd still takes more", len(held))
		}
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		banner := make([]byte, 4)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(c, banner); err != nil || string(banner) != "SSH-" {
			_ = c.Close()
			dropped++
			continue
		}
		dropped = 0
		held = append(held, &replayed{c, banner})
	}
	t.Logf("%d connections fill sshd's places", len(held))
	return func() {
		places := make(chan struct{}, 8)
		var wg sync.WaitGroup
		for _, c := range held {
			wg.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				_ = c.SetDeadline(time.Now().Add(30 * time.Second))
				conn, _, _, err := ssh.NewClientConn(c, address, &ssh.ClientConfig{User: "admin", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
					HostKeyCallback: ssh.InsecureIgnoreHostKey()}) // a crowd in a lab
				if err == nil {
					_ = conn.Close()
				}
				_ = c.Close()
			})
		}
		wg.Wait()
	}
}

// replayed is a connection whose first bytes have been read already.
type replayed struct {
	net.Conn
	first []byte
}

func (r *replayed) Read(b []byte) (int, error) {
	if len(r.first) > 0 {
		n := copy(b, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}

// TestFaultJump: 200 nodes behind one jump host with sshd's own limits, which drops
// all connections at first.
func TestFaultJump(t *testing.T) {
	l := up(t, "jump", "node01")
	if got := on(t, l, "node01", "sshd -T | grep -i -w maxstartups"); got != "maxstartups 10:30:100" {
		t.Fatalf("sshd's limits are not the usual ones: %s", got)
	}
	const nodes = 200
	s, fleet, inventory := fleetBehind(t, l, nodes)
	address := l.Nodes[0].Address
	port, tries := forward(t, "127.0.0.1:0", address+":22")
	inventory(fmt.Sprintf("127.0.0.1:%d", port))
	leave := crowd(t, l, address+":22")
	left := sync.OnceFunc(leave)
	defer left()
	p := s.start(t, "apply", "--yes", "--json", "play.hcl")
	eventually(t, "sshd has dropped muster, which tries again", 60*time.Second, func() bool { return tries.Load() >= 2 })
	left()
	r := p.wait(t, 2*time.Minute).want(t, 0)
	if sum := r.summary(t); sum.Changed != nodes {
		t.Errorf("summary: %+v", sum)
	}
	if n := tries.Load(); n > 6 {
		t.Errorf("%d connections to the jump host: one is shared by all, and tried six times", n)
	}
	if peak := fleet.Peak(); peak > 8 || peak < 2 {
		t.Errorf("%d connections were unauthenticated at once: 8 are allowed, and more than one expected", peak)
	} else {
		t.Logf("at most %d of %d were unauthenticated at once", peak, nodes)
	}

	// Without its sshd all nodes are unreachable, and the way is named.
	on(t, l, "node01", "systemctl stop ssh.socket ssh 2>&1 || true")
	inventory(address)
	start := time.Now()
	down := s.apply(t, 4, "play.hcl")
	down.tells(t, "n007", address, "connection refused", "is sshd running")
	if sum := down.summary(t); len(sum.Unreachable) != nodes || time.Since(start) > 30*time.Second {
		t.Errorf("%d nodes are unreachable, after %s", len(sum.Unreachable), time.Since(start))
	}
}
