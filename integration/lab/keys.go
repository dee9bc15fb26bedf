package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// access is what reaches the nodes of one lab.
type access struct {
	authorized string // one line of authorized_keys
	password   string // of pwadmin, for sudo
}

// ensureAccess makes the lab's key pair and password in its folder, or reads those
// that are there.
func ensureAccess(lab, dir string) (access, error) {
	public, err := os.ReadFile(filepath.Join(dir, filePublicKey))
	if err == nil {
		password, err := os.ReadFile(filepath.Join(dir, FilePassword))
		return access{strings.TrimSpace(string(public)), string(password)}, err
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return access{}, fmt.Errorf("lab %s: key: %w", lab, err)
	}
	block, err := ssh.MarshalPrivateKey(priv, objectName(lab))
	if err != nil {
		return access{}, fmt.Errorf("lab %s: key: %w", lab, err)
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		return access{}, fmt.Errorf("lab %s: key: %w", lab, err)
	}
	made := access{
		authorized: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line))) + " " + objectName(lab),
		password:   rand.Text(),
	}
	for name, content := range map[string]string{
		FileKey:      string(pem.EncodeToMemory(block)),
		FilePassword: made.password,
	} {
		if err := writeFile(dir, name, content, 0o600); err != nil {
			return access{}, err
		}
	}
	return made, writeFile(dir, filePublicKey, made.authorized+"\n", 0o644)
}

// writeFile replaces a file of the lab's folder in one step.
func writeFile(dir, name, content string, mode os.FileMode) error {
	path := filepath.Join(dir, name)
	fresh := path + ".new"
	_ = os.Remove(fresh) // left by a killed process; its mode may be another
	if err := os.WriteFile(fresh, []byte(content), mode); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
