package modtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/modules/machine"
)

// recorder is a test that keeps what it is told.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// TestChecksFail: the laws complain when they are broken.
func TestChecksFail(t *testing.T) {
	a := machine.Change{Table: "file", Key: "/a", Want: machine.State{"mode": machine.Text("0644")}}
	b := machine.Change{Table: "file", Key: "/a", Want: machine.State{"mode": machine.Text("0600")}}
	for name, f := range map[string]func(testing.TB){
		"another value":     func(t testing.TB) { checkSame(t, []machine.Change{a}, []machine.Change{b}) },
		"one missing":       func(t testing.TB) { checkSame(t, []machine.Change{a}, nil) },
		"one more":          func(t testing.TB) { checkSame(t, []machine.Change{a}, []machine.Change{a, b}) },
		"a secret":          func(t testing.TB) { secrets{"0600"}.checkJSON(t, "plan", []machine.Change{b}) },
		"an encoded secret": func(t testing.TB) { secrets{"hunter22"}.check(t, "output", []byte("aHVudGVyMjI=")) },
	} {
		r := &recorder{TB: t}
		if f(r); len(r.said) != 1 {
			t.Errorf("%s: %d complaints: %q", name, len(r.said), r.said)
		}
	}
	r := &recorder{TB: t}
	checkSame(r, []machine.Change{a}, []machine.Change{a})
	secrets{"0600"}.checkJSON(r, "plan", []machine.Change{a})
	if len(r.said) != 0 {
		t.Errorf("complaints without a cause: %q", r.said)
	}
}

func TestTextRoundTrip(t *testing.T) {
	text := `file[/etc/[x]]
  content:
    | a
    |
    |   b: c
    \
  mode: 0644
- package[snapd]
unit[a.service]
  restart:file:/etc/x: (older)
  running:
`
	entries, err := parseStates(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := statesText(entries); got != text {
		t.Errorf("differs (-want +got):\n%s", cmp.Diff(text, got))
	}
	if got := entries[0].state.Get("content").S; got != "a\n\n  b: c" {
		t.Errorf("content %q", got)
	}
}

func TestTextErrors(t *testing.T) {
	for text, want := range map[string]string{
		"  mode: 0644\n":               "line 1: a field without its key",
		"file\n":                       "want table[key]",
		"file[/x]\n  mode 0644\n":      "line 2: want field: value",
		"- file[/x]\n  mode: 0644\n":   "line 2: a field without its key",
		"file[/x]\n    | no field yet": "line 2: want field: value",
	} {
		if _, err := parseStates(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
