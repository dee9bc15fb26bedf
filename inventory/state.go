package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"muster/modules/machine"
)

// maxFacts is the largest facts file: 4 KiB for each of maxHosts hosts.
const maxFacts = 400 << 20

// HostFacts are a host's facts and when they were read.
type HostFacts struct {
	Facts machine.Facts `json:"facts"`
	At    time.Time     `json:"at"`
}

// makeStateDir makes the state folder and a folder in it, for the owner alone.
func (inv *Inventory) makeStateDir(sub string) error {
	return os.MkdirAll(filepath.Join(inv.StateDir, sub), 0o700)
}

// LoadFacts reads the facts of earlier runs, by host name, from facts.json in
// StateDir, or beside the inventory when there is none: recorded facts that
// belong to an example. Hosts that the inventory no longer has are left out. No
// file at all gives an empty map.
func (inv *Inventory) LoadFacts() (map[string]HostFacts, error) {
	for _, path := range []string{filepath.Join(inv.StateDir, "facts.json"), filepath.Join(inv.Dir, "facts.json")} {
		facts, err := readFacts(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("facts: %s: %w", path, err)
		}
		for name := range facts {
			if inv.hosts[name] == nil {
				delete(facts, name)
			}
		}
		return facts, nil
	}
	return map[string]HostFacts{}, nil
}

func readFacts(path string) (map[string]HostFacts, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFacts {
		return nil, fmt.Errorf("%d bytes, at most %d are read", info.Size(), maxFacts)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var facts map[string]HostFacts
	if err := json.Unmarshal(text, &facts); err != nil {
		return nil, err
	}
	if facts == nil {
		facts = map[string]HostFacts{}
	}
	return facts, nil
}

// SaveFacts replaces facts.json in StateDir, for the owner alone. A reader sees
// the old file or the new one, also after a power cut.
func (inv *Inventory) SaveFacts(facts map[string]HostFacts) error {
	b, err := json.MarshalIndent(facts, "", " ")
	if err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	if err := inv.makeStateDir(""); err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	path := filepath.Join(inv.StateDir, "facts.json")
	if err := renameio.WriteFile(path, append(b, '\n'), 0o600, renameio.WithTempDir(inv.StateDir)); err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	return syncDir(inv.StateDir)
}
