package run

import (
	"testing"

	"muster/modules/machine"
	"muster/playbooks/event"
)

// TestNotesBeforeTheApproval: a reviewer is told of a secret that would replace
// another one, and of hosts whose plan is that of an earlier part of the run.
func TestNotesBeforeTheApproval(t *testing.T) {
	pending := machine.Value{Unknown: true, Secret: true, Why: "generated at apply"}
	for _, c := range []struct {
		was  machine.State
		want bool
	}{
		{nil, false},
		{machine.State{"content": {S: "digest", Secret: true, Hashed: true}}, true},
	} {
		f := newFleet()
		f.changes = func(string) []machine.Change {
			return []machine.Change{{Table: "file", Key: "/etc/munge/munge.key", Was: c.was, Want: machine.State{"content": pending}}}
		}
		f.began = map[string]bool{"b": true}
		_, e := apply(t, build("a b", "x: a b"), f, ExitOK)
		if got := e.has(event.PlanNote, "a secret that is in use there would be generated anew"); got != c.want {
			t.Errorf("was %v: the note is there: %v", c.was, got)
		}
		if !e.has(event.PlanNote, "b: the plan of run") {
			t.Error("nothing says that b shows an earlier plan")
		}
	}
}
