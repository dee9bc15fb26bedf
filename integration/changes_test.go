package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/modules/machine"
	"muster/playbooks/event"
)

// listed is a change with the vertex it belongs to.
type listed struct {
	host, step string
	machine.Change
}

func (l listed) String() string {
	var fields []string
	for _, f := range l.Want.Fields() {
		fields = append(fields, fmt.Sprintf("%s: %s -> %s", f, brief(l.Was.Get(f)), brief(l.Want.Get(f))))
	}
	if l.Want == nil {
		fields = []string{"goes"}
	}
	return fmt.Sprintf("%s@%s %s[%s]#%d %s %s {%s}", l.step, l.host, l.Table, l.Key, l.Nth, l.Note, l.Outcome, strings.Join(fields, "; "))
}

func brief(v machine.Value) string {
	switch {
	case v.Unknown:
		return "?"
	case v.Secret:
		return "(secret)"
	case len(v.S) > 24:
		return fmt.Sprintf("%q…", v.S[:24])
	}
	return fmt.Sprintf("%q", v.S)
}

// changesOf collects the changes of one kind of event: PlanStep for what was
// planned, StepResult for what was reported.
func changesOf(events []event.Event, kind event.Kind) []listed {
	var out []listed
	for _, e := range events {
		if e.Kind != kind {
			continue
		}
		for _, c := range e.Changes {
			out = append(out, listed{e.Host, e.Step, c})
		}
	}
	slices.SortStableFunc(out, func(a, b listed) int {
		return strings.Compare(a.host+"\x00"+a.step, b.host+"\x00"+b.step)
	})
	return out
}

// split takes the repairs out of a list.
func split(list []listed) (changes, repairs []listed) {
	for _, c := range list {
		if c.Outcome == machine.Repair {
			repairs = append(repairs, c)
		} else {
			changes = append(changes, c)
		}
	}
	return changes, repairs
}

// sameLists fails, showing both lists, unless the plan's changes are those that
// the apply reported, host by host.
func sameLists(t *testing.T, state string, planned, applied []listed) {
	t.Helper()
	ok := len(planned) == len(applied)
	for i := 0; ok && i < len(planned); i++ {
		ok = planned[i].host == applied[i].host && planned[i].step == applied[i].step && planned[i].Same(applied[i].Change)
	}
	if !ok {
		t.Errorf("%s: the plan's list and the apply's differ\n--- plan (%d)\n%s\n--- apply (%d)\n%s", state,
			len(planned), lines(planned), len(applied), lines(applied))
	}
}

func lines(list []listed) string {
	var out strings.Builder
	for _, l := range list {
		fmt.Fprintln(&out, l)
	}
	return out.String()
}

func countUnknown(list []listed) int {
	n := 0
	for _, l := range list {
		if l.Was.Unknown() || l.Want.Unknown() {
			n++
		}
	}
	return n
}
