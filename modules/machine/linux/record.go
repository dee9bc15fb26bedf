package linux

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"muster/modules/machine"
)

// record is what muster knows about a running unit: which start of it, and the
// digest of each input that this start had.
//
// Nothing is marked in a record when an input is written: the digests are those
// of what the process was started with, so after a crash between the write and
// the restart they still differ from the file.
type record struct {
	Invocation string `json:"invocation"`
	// Start is the main process's start in microseconds of Unix time.
	Start  int64             `json:"exec_start"`
	Inputs map[string]string `json:"inputs"` // field of the unit's state to digest
	// Unready is the check that this start has not passed in time; empty for one that serves.
	Unready []string `json:"unready,omitempty"`
}

// records keeps the unit records of a node, one file each.
type records struct {
	dir string

	mu sync.Mutex
	// found are records that reading has made or brought up to date and that are
	// not on the disk yet: a plan saves nothing.
	found map[string]record
}

func (r *records) path(unit string) string { return filepath.Join(r.dir, unit+".json") }

// load reads a unit's record; ok is false without one. A damaged record counts as
// none: then times decide, as on a node that muster has never seen.
func (r *records) load(unit string) (rec record, ok bool, err error) {
	text, err := os.ReadFile(r.path(unit))
	if errors.Is(err, fs.ErrNotExist) {
		return rec, false, nil
	} else if err != nil {
		return rec, false, fmt.Errorf("unit record: %w", err)
	}
	if json.Unmarshal(text, &rec) != nil {
		return record{}, false, nil
	}
	return rec, true, nil
}

func (r *records) save(unit string, rec record) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	r.forget(unit)
	if err := replaceFile(r.path(unit), append(text, '\n')); err != nil {
		return fmt.Errorf("unit record: %w", err)
	}
	return nil
}

func (r *records) remove(unit string) error {
	r.forget(unit)
	if err := os.Remove(r.path(unit)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unit record: %w", err)
	}
	return nil
}

// latest is what is known about an invocation of a unit, saved or not.
func (r *records) latest(unit, invocation string) record {
	r.mu.Lock()
	rec, ok := r.found[unit]
	r.mu.Unlock()
	if ok && rec.Invocation == invocation {
		return rec
	}
	rec, ok, err := r.load(unit)
	if err == nil && ok && rec.Invocation == invocation {
		return rec
	}
	return record{}
}

func (r *records) forget(unit string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.found, unit)
}

// note remembers what reading found out, for SaveRecords. A unit may be read
// several times with different fields.
func (r *records) note(unit string, rec record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.found[unit]; ok && old.Invocation == rec.Invocation && old.Start == rec.Start {
		inputs := maps.Clone(old.Inputs)
		maps.Copy(inputs, rec.Inputs)
		rec.Inputs = inputs
	}
	r.found[unit] = rec
}

// SaveRecords saves what reading the units has found out about what they were
// started with. It is called before the first write of an apply, so that this
// write does not make an old process look current. want adds the digests of value
// inputs, which cannot be read off a node: a unit that is adopted is taken to have
// been started with the wanted ones.
func (s *Store) SaveRecords(_ context.Context, want []machine.Item) error {
	s.records.mu.Lock()
	found := maps.Clone(s.records.found)
	s.records.mu.Unlock()
	for _, it := range want {
		rec, ok := found[it.Ref.Key]
		if !ok || it.Ref.Table != "unit" {
			continue
		}
		for field, v := range it.Want {
			_, kind, _, isInput := cutInput(field)
			if _, has := rec.Inputs[field]; isInput && kind == "value" && !has && !v.Unknown {
				rec.Inputs[field] = v.S
			}
		}
	}
	for unit, rec := range found {
		if err := s.records.save(unit, rec); err != nil {
			return err
		}
	}
	return nil
}

// cutInput takes an input's field apart (machine.Input.Field):
// "restart:file:/etc/munge/munge.key".
func cutInput(field string) (mode machine.Action, kind, name string, ok bool) {
	m, rest, ok := strings.Cut(field, ":")
	if !ok {
		return "", "", "", false
	}
	kind, name, ok = strings.Cut(rest, ":")
	mode = machine.Action(m)
	return mode, kind, name, ok && (mode == machine.Restart || mode == machine.Reload)
}
