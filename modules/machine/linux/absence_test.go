package linux

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"muster/modules/machine"
)

// A value input that comes to a unit which has a record already is remembered, so
// that its next change is seen.
func TestValueInputOfARecordedUnit(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	const unit, field = "x.service", "restart:value:args"
	u := unitState{invocation: "i", start: 1 << 50, began: 1 << 50}
	must(t, s.records.save(unit, record{Invocation: "i", Start: u.start, Inputs: map[string]string{"restart:package:x": "d"}}))
	read := func() string {
		got, err := s.inputs(t.Context(), unit, u, []string{field})
		must(t, err)
		return got[field]
	}
	if got := read(); got != machine.Current {
		t.Fatalf("never recorded: %q", got)
	}
	must(t, s.SaveRecords(ctx, []machine.Item{{Ref: machine.Ref{Table: "unit", Key: unit}, Want: machine.State{field: machine.Text("a")}}}))
	if got := read(); got != "a" {
		t.Errorf("after an apply with a: %q", got)
	}
	if rec, _, _ := s.records.load(unit); rec.Inputs["restart:package:x"] != "d" {
		t.Errorf("the rest of the record: %v", rec.Inputs)
	}
}

// A directory service that comes up during an apply is asked again, and what it
// knows may own files.
func TestNameServiceIsAskedAgain(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	line := ""
	s.accounts.ask = func(database, key string) string {
		if database == "passwd" && key == "alice" {
			return line
		}
		return ""
	}
	if got := get(t, ctx, s, "name_service", "user alice"); got != nil {
		t.Fatalf("before: %v", got)
	}
	line = "alice:x:20001:100::/home/alice:/bin/bash\n"
	if got := get(t, ctx, s, "name_service", "user alice"); got.Get("id").S != "20001" {
		t.Errorf("after: %v", got)
	}
	if id, err := s.accounts.uid("alice"); err != nil || id != 20001 {
		t.Errorf("owner: %d %v", id, err)
	}
	if got := get(t, ctx, s, "user", "alice"); got != nil {
		t.Errorf("the table is the node's own: %v", got)
	}
}

// Only what systemd has answered is an absence.
func TestNoFile(t *testing.T) {
	for name, want := range map[string]bool{
		"org.freedesktop.DBus.Error.FileNotFound": true, "org.freedesktop.systemd1.NoSuchUnit": true,
		"org.freedesktop.DBus.Error.NoReply": false, "org.freedesktop.DBus.Error.AccessDenied": false,
	} {
		if noFile(dbus.Error{Name: name}) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if noFile(nil) || noFile(context.DeadlineExceeded) {
		t.Error("an end of time is no absence")
	}
}

func TestDamagedStatus(t *testing.T) {
	list := map[string]deb{}
	must(t, parseStatus(strings.NewReader("Package: x\nStatus: \nVersion: 1\n"), list))
	if list["x"].whole() {
		t.Errorf("%+v", list["x"])
	}
}

// A unit's input has to be a file: what a link leads to could change unseen.
func TestInputThroughALink(t *testing.T) {
	s := testStore(t)
	must(t, os.Symlink("passwd", s.in("/etc/link")))
	m := reader{s}
	err := machine.EnsureUnit(t.Context(), m, machine.Unit{Name: "x.service", Running: true, Inputs: []machine.Input{{File: "/etc/link"}}})
	var e *machine.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "link") {
		t.Errorf("%v", err)
	}
}

// reader is a machine that only reads a store.
type reader struct{ *Store }

func (r reader) Read(ctx context.Context, ref machine.Ref, fields ...string) (machine.State, error) {
	return r.Get(ctx, nil, ref, fields)
}
func (reader) Set(context.Context, ...machine.Item) error { return nil }
func (reader) Query(context.Context, machine.Query) (machine.Result, error) {
	return machine.Result{}, errors.New("nothing is asked")
}
func (reader) Run(context.Context, machine.Run) (machine.Result, error) {
	return machine.Result{}, errors.New("nothing is run")
}
