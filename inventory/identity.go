package inventory

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"github.com/google/renameio/v2"
)

// identityEnv names the age identity file when --identity does not.
const identityEnv = "MUSTER_AGE_IDENTITY"

// errNoIdentity is the cause of every secret that needs an identity when there
// is none.
var errNoIdentity = errors.New("no age identity is found: give one with --identity FILE or " +
	identityEnv + ", or put it at ~/.config/muster/age.txt or ~/.config/sops/age/keys.txt")

// identity is the operator's age key: identities read what any of them may
// read; recipients are whom new secrets are written for.
type identity struct {
	path       string
	identities []age.Identity
	recipients []age.Recipient
}

// findIdentity looks where age users keep their key. A place that was named
// must hold one; nil without an error means that none of the usual places does.
func findIdentity(path string) (*identity, error) {
	if path == "" {
		path = os.Getenv(identityEnv)
	}
	if path != "" {
		return readIdentity(absPath(path, "."))
	}
	for _, place := range identityPlaces() {
		id, err := readIdentity(place)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		return id, err
	}
	return nil, nil
}

// identityPlaces are muster's own place, where a new key is made, and that of sops.
func identityPlaces() []string {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil
	}
	return []string{filepath.Join(config, "muster", "age.txt"), filepath.Join(config, "sops", "age", "keys.txt")}
}

func readIdentity(path string) (*identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("age identity: %w", err)
	}
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	if err != nil {
		return nil, fmt.Errorf("age identity: %s: %v", path, err)
	}
	out := &identity{path: path, identities: ids}
	for _, id := range ids {
		switch k := id.(type) {
		case *age.X25519Identity:
			out.recipients = append(out.recipients, k.Recipient())
		case *age.HybridIdentity:
			out.recipients = append(out.recipients, k.Recipient())
		}
	}
	// age does not mix post-quantum recipients with others: the first key writes.
	if len(out.recipients) > 1 {
		out.recipients = out.recipients[:1]
	}
	if len(out.recipients) == 0 {
		return nil, fmt.Errorf("age identity: %s: it holds no key that age can write for", path)
	}
	return out, nil
}

// makeIdentity creates the key of an operator who has none.
func makeIdentity() (*identity, error) {
	places := identityPlaces()
	if len(places) == 0 {
		return nil, errNoIdentity
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("age identity: %w", err)
	}
	path := places[0]
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("age identity: %w", err)
	}
	text := strings.Join([]string{"# made by muster; whoever has this file can read the clusters' secrets",
		"# public key: " + key.Recipient().String(), key.String(), ""}, "\n")
	if err := createFile(path, []byte(text)); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("age identity: %w", err)
	}
	return readIdentity(path)
}

// createFile writes a new file that only its owner can read, durably. An
// existing file is an error: two runs at once must not both make a key.
func createFile(path string, content []byte) error {
	t, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o600), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer t.Cleanup()
	if _, err := t.Write(content); err != nil {
		return err
	}
	if err := t.Sync(); err != nil {
		return err
	}
	if err := os.Link(t.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
