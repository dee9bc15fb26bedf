package run

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Source is what a program was compiled from: enough to do it again. It holds no
// value of a sensitive variable.
type Source struct {
	Inventory string            `cbor:"inventory" json:"inventory"` // absolute path
	Playbook  string            `cbor:"playbook" json:"playbook"`   // absolute path or library name
	Limit     string            `cbor:"limit,omitempty" json:"limit,omitempty"`
	Vars      map[string]string `cbor:"vars,omitempty" json:"vars,omitempty"`
}

// sourceFile is its name in a run's folder.
const sourceFile = "run.json"

// Write keeps the source in a run's folder, for its owner alone.
func (s Source) Write(dir string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(dir, sourceFile), append(b, '\n'), 0o600, renameio.WithTempDir(dir))
}

// ReadSource reads it back.
func ReadSource(dir string) (Source, error) {
	var s Source
	b, err := os.ReadFile(filepath.Join(dir, sourceFile))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, fmt.Errorf("run %s: %w", filepath.Base(dir), err)
	}
	return s, nil
}
