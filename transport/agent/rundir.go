package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// runDir is dir/runs/RUN, where the base of an unfinished run lies.
type runDir struct{ dir, run string }

func (r runDir) path() string { return filepath.Join(r.dir, "runs", r.run) }

func (r runDir) file() string { return filepath.Join(r.path(), "base") }

// exists says whether the run has begun here. A base that cannot be looked at is one:
// to plan anew from a node that is half changed would be worse than the error.
func (r runDir) exists() bool {
	_, err := os.Stat(r.file())
	return !errors.Is(err, fs.ErrNotExist)
}

func (r runDir) load() ([]byte, error) {
	b, err := os.ReadFile(r.file())
	if err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	return b, nil
}

// save writes the base so that it is either there or not, also after a loss of
// power.
func (r runDir) save(b []byte) error {
	if err := os.MkdirAll(r.path(), 0o700); err != nil {
		return fmt.Errorf("base: %w", err)
	}
	if err := renameio.WriteFile(r.file(), b, 0o600); err != nil {
		return fmt.Errorf("base: %w", err)
	}
	for _, d := range []string{r.path(), filepath.Dir(r.path()), r.dir} {
		if err := syncDir(d); err != nil {
			return fmt.Errorf("base: %w", err)
		}
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// supersede drops the bases of all other runs: this run has planned the node as it
// is now, and what another one would go on from is the past.
func (r runDir) supersede() error {
	entries, err := os.ReadDir(filepath.Join(r.dir, "runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("base: %w", err)
	}
	for _, e := range entries {
		if e.Name() == r.run {
			continue
		}
		err := os.Remove(runDir{r.dir, e.Name()}.file())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("base: %w", err)
		}
	}
	return nil
}

// forget removes the folder of a run that is over.
func (r runDir) forget() error {
	if err := os.RemoveAll(r.path()); err != nil {
		return fmt.Errorf("run %s: forget: %w", r.run, err)
	}
	return nil
}

// clean removes what was last touched before t: folders of other runs, and agents
// of other versions. What cannot be removed stays for the next time.
func (r runDir) clean(t time.Time, self string) {
	sweep(filepath.Join(r.dir, "runs"), r.run, t)
	sweep(filepath.Join(r.dir, "agent"), self, t)
}

func sweep(dir, keep string, t time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // mostly because it is not there
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.Name() != keep && info.ModTime().Before(t) {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}
