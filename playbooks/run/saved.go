package run

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/renameio/v2"

	"muster/modules/machine"
	"muster/playbooks/event"
)

// savedMagic is the first line of a saved plan; what follows is CBOR, because
// file contents need not be text.
const savedMagic = "muster plan 1\n"

// maxSaved bounds a saved plan that is read, in bytes.
const maxSaved = 1 << 30

// Saved is a plan in a file: what was reviewed, and nothing that changes by
// itself (no process ids, no secrets).
type Saved struct {
	ID       string            `cbor:"id"`
	Digest   string            `cbor:"digest"`
	Made     int64             `cbor:"made"` // Unix seconds
	Source   Source            `cbor:"source"`
	Vertices []SavedVertex     `cbor:"vertices"`
	Missing  map[string]string `cbor:"missing,omitempty"` // hosts that were not planned, and why
	// Events are the plan as it was shown.
	Events []event.Event `cbor:"events"`
}

// SavedVertex is a vertex that changes something.
type SavedVertex struct {
	Name    string           `cbor:"name"`
	Changes []machine.Change `cbor:"changes"`
}

// Save makes the file's content of a plan.
func (p *Plan) Save(src Source, events []event.Event) *Saved {
	s := &Saved{ID: p.ID, Digest: p.Digest, Made: time.Now().Unix(), Source: src, Missing: p.Unplanned, Events: events}
	for _, v := range p.Vertices {
		if len(v.Changes) > 0 {
			s.Vertices = append(s.Vertices, SavedVertex{v.Name(), v.Changes})
		}
	}
	return s
}

// Write puts the plan into a file of its owner alone.
func (s *Saved) Write(path string) error {
	enc, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic, String: cbor.StringToByteString, Time: cbor.TimeUnixDynamic}.EncMode()
	if err != nil {
		return err
	}
	body, err := enc.Marshal(s)
	if err != nil {
		return fmt.Errorf("plan %s: %w", s.ID, err)
	}
	return renameio.WriteFile(path, append([]byte(savedMagic), body...), 0o600)
}

// IsSaved says whether a file is a saved plan. What does not exist is none; a file
// that cannot be opened is an error.
func IsSaved(path string) (bool, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(savedMagic))
	n, _ := io.ReadFull(f, head) // a short or failed read is no saved plan
	return string(head[:n]) == savedMagic, nil
}

// ReadSaved reads a saved plan.
func ReadSaved(path string) (*Saved, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSaved {
		return nil, fmt.Errorf("%s: %d bytes, a plan has at most %d", path, info.Size(), maxSaved)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(b, []byte(savedMagic))
	if !ok {
		return nil, fmt.Errorf("%s: not a saved plan", path)
	}
	s, err := parseSaved(body)
	if err != nil {
		return nil, fmt.Errorf("%s: saved plan: %w", path, err)
	}
	return s, nil
}

// maxSavedItems is how many vertices or events a saved plan may have: 10,000 hosts
// with 1,000 steps. The size of the file bounds the rest.
const maxSavedItems = 10_000_000

func parseSaved(body []byte) (*Saved, error) {
	dec, err := cbor.DecOptions{ByteStringToString: cbor.ByteStringToStringAllowed, UTF8: cbor.UTF8DecodeInvalid,
		MaxArrayElements: maxSavedItems, MaxMapPairs: maxSavedItems}.DecMode()
	if err != nil {
		return nil, err
	}
	s := &Saved{}
	if err := dec.Unmarshal(body, s); err != nil {
		return nil, err
	}
	for i, e := range s.Events {
		if !whole(e) {
			return nil, fmt.Errorf("event %d: %q lacks what such an event has", i, e.Kind)
		}
	}
	return s, nil
}

// stale compares what would be done now with what was reviewed. Each line tells
// one difference; nothing has been written when there are any.
func (r *runner) stale() []string {
	var out []string
	if id := r.o.ExpectID; id != "" && id != r.plan.ID {
		out = append(out, fmt.Sprintf("the plan's id is %s, %s was expected", r.plan.ID, id))
	}
	if r.o.Expect == nil {
		return out
	}
	reviewed := map[string][]machine.Change{}
	for _, v := range r.o.Expect.Vertices {
		reviewed[v.Name] = v.Changes
	}
	for v := range r.plan.Vertices {
		p := &r.plan.Vertices[v]
		if _, missing := r.plan.Unplanned[p.Host]; missing || p.Before {
			continue
		}
		if was := reviewed[p.Name()]; !sameChanges(was, p.Changes) {
			out = append(out, fmt.Sprintf("%s\n  plan: %s\n  now:  %s", p.Name(), describe(was), describe(p.Changes)))
		}
	}
	return out
}

// describe words changes in one line, without contents.
func describe(list []machine.Change) string {
	if len(list) == 0 {
		return "no change"
	}
	var out []string
	for _, c := range list {
		out = append(out, describeOne(c))
	}
	return strings.Join(told(out), "; ")
}

func describeOne(c machine.Change) string {
	switch {
	case c.Want == nil:
		return c.Ref().String() + " removed"
	case c.Was == nil:
		return c.Ref().String() + " created"
	}
	var fields []string
	for _, f := range c.Want.Fields() {
		was, want := c.Was[f], c.Want[f]
		text := f
		if !was.Secret && !want.Secret && !was.Unknown && !want.Unknown && f != "content" && len(was.S)+len(want.S) < 80 {
			text = fmt.Sprintf("%s %q -> %q", f, was.S, want.S)
		}
		fields = append(fields, text)
	}
	return c.Ref().String() + " " + strings.Join(fields, ", ")
}
