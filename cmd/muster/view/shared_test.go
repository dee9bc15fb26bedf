package view

import (
	"fmt"
	"testing"

	"muster/modules/machine"
)

// TestSharedLists: hosts that share a list of changes are shown as hosts that have
// equal lists of their own are, whatever the order in which they come.
func TestSharedLists(t *testing.T) {
	list := func(content string) []machine.Change {
		return []machine.Change{{Table: "file", Key: "/x", Want: machine.State{"content": machine.Text(content)}},
			{Table: "package", Key: "p", Want: machine.State{"version": machine.Text("1")}}}
	}
	kept := map[string][]machine.Change{"a": list("a"), "b": list("b")}
	var hosts []string
	for i := range 12 {
		hosts = append(hosts, fmt.Sprintf("n%02d", (i*5+7)%12))
	}
	which := func(host string) string { return string("ab"[int(host[2])%2]) }
	shared := shownPlan(t, false, hosts, func(host string) []machine.Change { return kept[which(host)] })
	own := shownPlan(t, false, hosts, func(host string) []machine.Change { return list(which(host)) })
	if shared != own || len(own) == 0 {
		t.Errorf("shared:\n%s\nown:\n%s", shared, own)
	}
	// The beginning of a list is another list.
	part := shownPlan(t, false, hosts, func(host string) []machine.Change {
		if host == hosts[0] {
			return kept["a"]
		}
		return kept["a"][:1]
	})
	if want := shownPlan(t, false, hosts, func(host string) []machine.Change {
		if host == hosts[0] {
			return list("a")
		}
		return list("a")[:1]
	}); part != want {
		t.Errorf("a part of a list:\n%s\nown:\n%s", part, want)
	}
}

// TestNewFile: a new file is shown line by line, also where its last line has no end.
func TestNewFile(t *testing.T) {
	for content, want := range map[string]string{
		"":              "",
		"a\nb\n":        "          +a\n          +b\n",
		"a\n\n\tb":      "          +a\n          +\n          +    b\n",
		"a\x1b[31m\r\n": "          +a\\x1b[31m\\x0d\n",
	} {
		got := shownPlan(t, false, []string{"n1"}, func(string) []machine.Change {
			return []machine.Change{{Table: "file", Key: "/x", Want: machine.State{"content": machine.Text(content)}}}
		})
		if want = "  1 node n1:\n    + file[/x]\n        content:\n" + want; got != want {
			t.Errorf("%q:\n%s\nwant:\n%s", content, got, want)
		}
	}
}
