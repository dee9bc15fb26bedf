package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Self is the SHA-256 of the running binary, hex.
func Self() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("agent: digest: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("agent: digest: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("agent: digest: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
