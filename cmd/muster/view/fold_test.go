package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"muster/modules/machine"
	"muster/playbooks/event"
)

// shownPlan plans one step in which each host has its own changes.
func shownPlan(t *testing.T, all bool, hosts []string, changes func(host string) []machine.Change) string {
	t.Helper()
	var out bytes.Buffer
	p := NewPlan(NewPaint(&out))
	p.All = all
	for _, host := range hosts {
		p.Emit(event.Event{Kind: event.PlanStep, Host: host, Step: "file[x]", Pos: "play.hcl:1,1", Changes: changes(host)})
	}
	p.Emit(event.Event{Kind: event.PlanDone, Summary: &event.Summary{Plan: "p", Hosts: len(hosts), Changes: len(hosts)}})
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(out.String(), "play.hcl:1,1\n")
	return text
}

// TestFold: what stands around a change and what a unit was started with differ from
// host to host; the changes are the same.
func TestFold(t *testing.T) {
	got := shownPlan(t, false, []string{"n3", "n1", "n2"}, func(host string) []machine.Change {
		own := strings.Repeat("# "+host+"\n", int(host[1]-'0'))
		return []machine.Change{
			{Table: "file", Key: "/etc/hosts", Was: machine.State{"content": machine.Text(own + "a\n")}, Want: machine.State{"content": machine.Text(own + "b\n")}},
			{Table: "unit", Key: "x.service", Note: "restart (hosts)", Was: machine.State{"restart:file:/etc/hosts": machine.Text("1" + host)},
				Want: machine.State{"restart:file:/etc/hosts": {Unknown: true, Why: "of " + host}}},
		}
	})
	want := `  3 nodes n[1-3]:
    ~ file[/etc/hosts]
        content:
          @@ -1,2 +1,2 @@
           # n1
          -a
          +b
    ~ unit[x.service]: restart (hosts)
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestCutFilesThatDiffer: hosts whose files differ only beyond the cut are not the
// same.
func TestCutFilesThatDiffer(t *testing.T) {
	got := shownPlan(t, false, []string{"n1", "n2"}, func(host string) []machine.Change {
		return []machine.Change{{Table: "file", Key: "/x", Want: machine.State{"content": machine.Text(strings.Repeat("x\n", 20) + host + "\n")}}}
	})
	if strings.Count(got, "  1 node n") != 2 {
		t.Error(got)
	}
}

// TestOwnValues: hosts that differ only in values are one example and a number, but
// with -v all of them; what is another change is always shown.
func TestOwnValues(t *testing.T) {
	var hosts []string
	for i := range 9 {
		hosts = append(hosts, fmt.Sprintf("n%d", i+1))
	}
	changes := func(host string) []machine.Change {
		want := machine.State{"content": machine.Text(host + "\n")}
		if host == "n5" {
			want["mode"] = machine.Text("4755")
		}
		return []machine.Change{{Table: "file", Key: "/etc/hostname", Want: want}}
	}
	want := `  1 node n1:
    + file[/etc/hostname]
        content:
          +n1
  … 7 more nodes differ only in their own values (-v shows them)
  1 node n5:
    + file[/etc/hostname]
        mode: 4755
        content:
          +n5
`
	if got := shownPlan(t, false, hosts, changes); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, got := range []string{shownPlan(t, true, hosts, changes), shownPlan(t, false, hosts[:3], changes)} {
		if strings.Contains(got, "…") || !strings.Contains(got, "+n3") {
			t.Errorf("not all are shown:\n%s", got)
		}
	}
}
