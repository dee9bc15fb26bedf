package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	upstream "golang.org/x/crypto/ssh/knownhosts"

	"muster/transport"
)

// ErrUnknownKey: no known_hosts file has a key of this server.
var ErrUnknownKey = errors.New("the host key is not known")

// ErrChangedKey: the server has another key than known_hosts says.
var ErrChangedKey = errors.New("the host key has CHANGED")

// hostKeys checks host keys for all connections of a run. A file is read once.
type hostKeys struct {
	mu    sync.Mutex
	files map[string]*keyFile
	told  []string // keys that were accepted
}

func (h *hostKeys) tell(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, line)
}

// Accepted are the host keys that known_hosts did not have before, one line each:
// accept-new asks nobody, but it is not silent.
func (d *Dialer) Accepted() []string {
	d.keys.mu.Lock()
	defer d.keys.mu.Unlock()
	return slices.Clone(d.keys.told)
}

// keyFile is known_hosts, or the several files that OpenSSH reads.
type keyFile struct {
	mu  sync.Mutex
	db  *knownhosts.HostKeyDB
	add string // where a new key is written
}

// open gives the files for a target.
func (h *hostKeys) open(file string) (*keyFile, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k, ok := h.files[file]; ok {
		return k, nil
	}
	k := &keyFile{add: expand(file)}
	paths := []string{k.add}
	if file == "" {
		k.add = expand("~/.ssh/known_hosts")
		paths = []string{k.add, "/etc/ssh/ssh_known_hosts"}
	}
	if err := k.read(paths); err != nil {
		return nil, err
	}
	if h.files == nil {
		h.files = map[string]*keyFile{}
	}
	h.files[file] = k
	return k, nil
}

func (k *keyFile) read(paths []string) error {
	paths = slices.DeleteFunc(paths, func(p string) bool {
		_, err := os.Stat(p)
		return errors.Is(err, os.ErrNotExist)
	})
	db, err := knownhosts.NewDB(paths...)
	if err != nil {
		return fmt.Errorf("known_hosts: %w", err)
	}
	k.db = db
	return nil
}

// check gives what a client needs for one peer: which algorithms to ask for, so
// that the server shows the key we know and not another, and how to judge it.
func (h *hostKeys) check(p peer) (algorithms []string, judge ssh.HostKeyCallback, err error) {
	if len(p.pinned) > 0 {
		return pinned(p)
	}
	file, err := h.open(p.target.KnownHosts)
	if err != nil {
		return nil, nil, err
	}
	file.mu.Lock()
	defer file.mu.Unlock()
	name := file.name(p)
	algorithms = file.db.HostKeyAlgorithms(name)
	return algorithms, func(_ string, _ net.Addr, key ssh.PublicKey) error {
		added, err := file.judge(p, name, key)
		if added {
			h.tell(fmt.Sprintf("%s: new host key %s, added to %s", p, fingerprint(key), file.add))
		}
		return err
	}, nil
}

// name is the name under which a peer's keys are filed: its address, or its name
// in the inventory where the address is not filed.
func (k *keyFile) name(p peer) string {
	host, port, err := net.SplitHostPort(p.address)
	if err != nil || p.name == "" || p.name == host {
		return p.address
	}
	named := net.JoinHostPort(p.name, port)
	if len(k.db.HostKeys(p.address)) == 0 && len(k.db.HostKeys(named)) > 0 {
		return named
	}
	return p.address
}

// judge says whether a key is the right one, and whether it was added for that.
func (k *keyFile) judge(p peer, name string, key ssh.PublicKey) (added bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	// The real remote address is left out: through a jump host there is none.
	err = k.db.HostKeyCallback()(name, &net.TCPAddr{IP: net.IPv4zero}, key)
	var known *upstream.KeyError
	switch {
	case err == nil:
		return false, nil
	case !errors.As(err, &known):
		return false, keyProblem(p, err, "")
	case len(known.Want) > 0:
		w := known.Want[0]
		return false, keyProblem(p, fmt.Errorf("%w: %s:%d has another one than %s", ErrChangedKey, w.Filename, w.Line, fingerprint(key)),
			fmt.Sprintf("someone may be in between. If the node was installed anew: ssh-keygen -R '%s'", knownhosts.Normalize(name)))
	case p.target.HostKeyPolicy != AcceptNew:
		return false, keyProblem(p, fmt.Errorf("%w: %s", ErrUnknownKey, fingerprint(key)),
			"compare this fingerprint with the node's, then accept it: "+acceptCommand(p, k.add))
	}
	err = k.accept(p, key)
	return err == nil, err
}

// acceptCommand words how to make a key known. A node behind a jump host cannot
// be asked by ssh-keyscan from here.
func acceptCommand(p peer, file string) string {
	host, port, err := net.SplitHostPort(p.address)
	if err != nil || p.via != "" {
		return "run muster with --host-key=accept-new"
	}
	return fmt.Sprintf("ssh-keyscan -p %s %s >> %s, or run muster with --host-key=accept-new", port, host, file)
}

func keyProblem(p peer, err error, hint string) error {
	return &transport.Error{Host: p.String(), Stage: transport.HostKey, Err: err, Hint: hint}
}

func fingerprint(key ssh.PublicKey) string {
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}

// accept files a new key: one write to a file opened for appending, so that
// several runs do not mix their lines.
func (k *keyFile) accept(p peer, key ssh.PublicKey) error {
	if err := os.MkdirAll(filepath.Dir(k.add), 0o700); err != nil {
		return keyProblem(p, err, "")
	}
	f, err := os.OpenFile(k.add, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return keyProblem(p, err, "")
	}
	line := knownhosts.Line([]string{p.address}, key) + "\n"
	if i, err := f.Stat(); err == nil && i.Size() > 0 {
		end := make([]byte, 1)
		if _, err := f.ReadAt(end, i.Size()-1); err == nil && end[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = f.WriteString(line)
	if err := errors.Join(err, f.Close()); err != nil {
		return keyProblem(p, err, "")
	}
	paths := []string{k.add}
	if p.target.KnownHosts == "" {
		paths = append(paths, "/etc/ssh/ssh_known_hosts")
	}
	if err := k.read(paths); err != nil {
		return keyProblem(p, err, "")
	}
	return nil
}

// pinned judges by the keys of the inventory alone.
func pinned(p peer) (algorithms []string, judge ssh.HostKeyCallback, err error) {
	var keys [][]byte
	for _, line := range p.pinned {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(line)))
		if err != nil {
			return nil, nil, fmt.Errorf("host key %q of the inventory: %w", line, err)
		}
		keys = append(keys, key.Marshal())
		if key.Type() == ssh.KeyAlgoRSA {
			algorithms = append(algorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		algorithms = append(algorithms, key.Type())
	}
	return algorithms, func(_ string, _ net.Addr, key ssh.PublicKey) error {
		if slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key.Marshal()) }) {
			return nil
		}
		return keyProblem(p, fmt.Errorf("%w: the inventory has another one than %s", ErrChangedKey, fingerprint(key)), "")
	}, nil
}
