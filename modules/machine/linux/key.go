package linux

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// keySize is the size of a node's digest key in bytes: as long as its hash.
const keySize = sha256.Size

// loadKey reads the node's digest key, or makes it. It never leaves the node, so
// that a digest of a short secret cannot be guessed elsewhere.
func loadKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	switch {
	case err == nil && len(key) == keySize:
		return key, nil
	case err == nil:
		return nil, fmt.Errorf("digest key: %s: %d bytes instead of %d", path, len(key), keySize)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("digest key: %w", err)
	}
	key = make([]byte, keySize)
	rand.Read(key)
	// Two agents may start at once. The one that comes second takes the first's key.
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := writeSynced(temp, key); err != nil {
		return nil, fmt.Errorf("digest key: %w", err)
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); errors.Is(err, fs.ErrExist) {
		return loadKey(path)
	} else if err != nil {
		return nil, fmt.Errorf("digest key: %w", err)
	}
	return key, nil
}

// Digest is the keyed digest of a content: 32 hex digits.
func (s *Store) Digest(content string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(content))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// writeSynced writes a new private file and waits until the disk has it.
func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// replaceFile puts data in the place of path as a whole or not at all.
func replaceFile(path string, data []byte) error {
	temp := path + ".new"
	if err := writeSynced(temp, data); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
