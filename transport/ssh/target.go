// Package ssh reaches nodes over SSH: host keys are checked at every hop, keys
// are offered sparingly, and every wait has a deadline.
package ssh

import (
	"cmp"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// Policies for a host key that is not known.
const (
	Strict    = "strict"     // refuse; the default
	AcceptNew = "accept-new" // add it to known_hosts; a changed key is still refused
)

// Target is a node and the way to it.
type Target struct {
	Name    string // as in the inventory, for messages
	Address string // name or IP; Name when empty
	Port    int    // 0 means 22
	User    string // empty means the user who runs muster
	// Identity are private key files; "~/" is the home folder.
	Identity []string
	// Agent allows keys of the running ssh-agent.
	Agent bool
	// Password is tried once, after the keys; nil for none.
	Password []byte
	// Jump are the hosts on the way, the first one dialled first.
	Jump []Hop
	// Become goes through sudo.
	Become bool
	// KnownHosts is a file; empty means those that OpenSSH reads.
	KnownHosts string
	// HostKeys pins the node's keys, as lines of an authorized_keys file. With any
	// of them known_hosts is not read.
	HostKeys []string
	// HostKeyPolicy is Strict or AcceptNew; it also holds for the jump hosts.
	HostKeyPolicy string
	// ConnectTimeout is for resolving and connecting; 0 means 10 s.
	ConnectTimeout time.Duration
}

// Hop is a jump host. What is empty is taken from the Target, except HostKeys.
type Hop struct {
	Name     string
	Address  string
	Port     int
	User     string
	Identity []string
	HostKeys []string
}

// connectTimeout is for resolving and connecting.
const connectTimeout = 10 * time.Second

// limits are the deadlines after that.
type limits struct {
	handshake   time.Duration // banner, key exchange, authentication
	throughJump time.Duration // the same, through jump hosts
	keepEvery   time.Duration
	keepLimit   time.Duration // without an answer to a keepalive
}

var defaultLimits = limits{20 * time.Second, 60 * time.Second, 15 * time.Second, 30 * time.Second}

// peer is one SSH server: a jump host or the node itself.
type peer struct {
	name, address, user string
	identity            []string
	pinned              []string
	target              *Target
	via                 string // the jump host before it, for messages
}

// peers lists the servers on the way; the node is the last one.
func (t *Target) peers() []peer {
	out := make([]peer, 0, len(t.Jump)+1)
	via := ""
	for _, h := range t.Jump {
		p := peer{name: cmp.Or(h.Name, h.Address), user: cmp.Or(h.User, t.User, runner()), identity: h.Identity,
			pinned: h.HostKeys, target: t, via: via, address: address(cmp.Or(h.Address, h.Name), h.Port)}
		if len(p.identity) == 0 {
			p.identity = t.Identity
		}
		out, via = append(out, p), p.name
	}
	return append(out, peer{name: cmp.Or(t.Name, t.Address), user: cmp.Or(t.User, runner()), identity: t.Identity,
		pinned: t.HostKeys, target: t, via: via, address: address(cmp.Or(t.Address, t.Name), t.Port)})
}

// runner is the user who runs muster. Containers and cron do not set
// the variable.
func runner() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

func address(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(cmp.Or(port, 22)))
}

// String is how messages name the peer.
func (p peer) String() string {
	if p.via != "" {
		return p.name + " (via " + p.via + ")"
	}
	return p.name
}

// expand replaces a leading "~/".
func expand(path string) string {
	if len(path) > 1 && path[:2] == "~/" {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, path[2:])
		}
	}
	return path
}
