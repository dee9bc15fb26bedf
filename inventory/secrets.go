package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"filippo.io/age"
	"filippo.io/age/armor"

	"muster/inventory/lang"
)

// maxSecret is the longest secret, in bytes.
const maxSecret = 1 << 20

// Secrets gives the bytes of an inventory's secrets. It is safe for use by
// several goroutines.
type Secrets struct {
	inv    *Inventory
	mu     sync.Mutex
	id     *identity
	values map[string][]byte
	notice string
}

// OpenSecrets finds the age identity: identityPath, else the file that
// MUSTER_AGE_IDENTITY names, else ~/.config/muster/age.txt, else the one of
// sops. A named file that cannot be read is an error; that there is none at all
// is one only for a secret that needs it.
func OpenSecrets(inv *Inventory, identityPath string) (*Secrets, error) {
	id, err := findIdentity(identityPath)
	if err != nil {
		return nil, err
	}
	return &Secrets{inv: inv, id: id, values: map[string][]byte{}}, nil
}

// Notice is what the operator should be told, once: that a new identity was
// made and where. Empty when there is nothing to say.
func (s *Secrets) Notice() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.notice
	s.notice = ""
	return out
}

// Value gives a secret. Pending says that it is one to be generated which does
// not exist yet: a plan shows "(generated at apply)".
func (s *Secrets) Value(name string) (value []byte, pending bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value(name)
}

func (s *Secrets) value(name string) ([]byte, bool, error) {
	if b, found := s.values[name]; found {
		return bytes.Clone(b), false, nil
	}
	decl := s.inv.Secrets[name]
	if decl == nil {
		return nil, false, fmt.Errorf("secret %q: the inventory has no such secret", name)
	}
	b, err := s.read(decl)
	if decl.Generate > 0 && errors.Is(err, os.ErrNotExist) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("secret %q (%s): %w", name, lang.Where(decl.Range), err)
	}
	s.values[name] = b
	return bytes.Clone(b), false, nil
}

func (s *Secrets) read(decl *Secret) ([]byte, error) {
	switch {
	case decl.Generate > 0:
		return s.readFile(s.path(decl.Name))
	case decl.Env != "":
		text, found := os.LookupEnv(decl.Env)
		if !found || text == "" {
			return nil, fmt.Errorf("the environment variable %s is not set", decl.Env)
		}
		return decode(decl.Encoding, []byte(text))
	default:
		b, err := s.readFile(decl.File)
		if err != nil {
			return nil, err
		}
		return decode(decl.Encoding, b)
	}
}

func (s *Secrets) path(name string) string {
	return filepath.Join(s.inv.StateDir, "secrets", name+".age")
}

// readFile reads a file and decrypts it when it is an age file.
func (s *Secrets) readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o002 != 0 {
		return nil, fmt.Errorf("%s: not a regular file, or one that everybody can write", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, 2*maxSecret))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var plain io.Reader
	switch {
	case bytes.HasPrefix(b, []byte("age-encryption.org/")):
		plain = bytes.NewReader(b)
	case bytes.HasPrefix(b, []byte(armor.Header)):
		plain = armor.NewReader(bytes.NewReader(b))
	default:
		return bounded(b, path)
	}
	if s.id == nil {
		// Another run may have made the operator's identity since.
		if s.id, err = findIdentity(""); err != nil {
			return nil, err
		}
	}
	if s.id == nil {
		return nil, fmt.Errorf("%s is encrypted, and %w", path, errNoIdentity)
	}
	r, err := age.Decrypt(plain, s.id.identities...)
	if err != nil {
		return nil, fmt.Errorf("%s: the identity %s does not open it: %v", path, s.id.path, err)
	}
	if b, err = io.ReadAll(io.LimitReader(r, maxSecret+1)); err != nil {
		return nil, fmt.Errorf("%s: %v", path, err)
	}
	return bounded(b, path)
}

func bounded(b []byte, path string) ([]byte, error) {
	if len(b) == 0 || len(b) > maxSecret {
		return nil, fmt.Errorf("%s: a secret has 1 to %d bytes", path, maxSecret)
	}
	return b, nil
}
