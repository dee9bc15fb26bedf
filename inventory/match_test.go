package inventory

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func namesOf(hosts []*Host) []string {
	var out []string
	for _, h := range hosts {
		out = append(out, h.Name)
	}
	return out
}

func TestMatch(t *testing.T) {
	inv := good(t, Options{})
	file := filepath.Join(t.TempDir(), "retry")
	if err := os.WriteFile(file, []byte("# failed\ndgx003 # gpu 2\n\nmgmt[01-02]:!mgmt01\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ pattern, want string }{
		{"all", "dgx[001-032],mgmt[01-02],old1"},
		{"dgx007", "dgx007"},
		{"slurm_node", "dgx[001-032]"},
		{"dgx[02-03]?,mgmt01", "mgmt01"},
		{"dgx[002-003,031]", "dgx[002-003,031]"},
		{"gpu:&rack1:!dgx002", "dgx[001,003-004],old1"},
		{"!dgx002,gpu,&rack1", "dgx[001,003-004],old1"},
		{"slurm_node, login?", "dgx[001-032]"},
		{"login?", ""},
		{"dgx00*", "dgx[001-009]"},
		{"gpu*", "dgx[001-032],old1"},
		{"dgx0[1-2]*", "dgx[010-029]"},
		{"!gpu", "mgmt[01-02]"},
		{"&rack1", "dgx[001-004],old1"},
		{"slurm_node:!dgx[001-030]", "dgx[031-032]"},
		{"@" + file, "dgx003,mgmt02"},
		{"all:!@" + file, "dgx[001-002,004-032],mgmt01,old1"},
		{"dgx001,dgx001,slurm_node:&dgx001", "dgx001"},
	}
	for _, c := range cases {
		got, err := inv.Match(c.pattern)
		if err != nil || FoldNames(namesOf(got)) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.pattern, FoldNames(namesOf(got)), err, c.want)
		}
	}
	got, _ := inv.Match("old1,dgx002,dgx001,mgmt01")
	if names := namesOf(got); !slices.Equal(names, []string{"mgmt01", "dgx001", "dgx002", "old1"}) {
		t.Errorf("not in inventory order: %v", names)
	}
}

func TestMatchErrors(t *testing.T) {
	inv := good(t, Options{})
	nested := filepath.Join(t.TempDir(), "nested")
	if err := os.WriteFile(nested, []byte("@other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ pattern, want string }{
		{"slurm_nodes", `did you mean "slurm_node"?`},
		{"dgx07", `did you mean "dgx007"?`},
		{"dgx[001-033]", `named "dgx033"`},
		{"zz*", `matches "zz*"`},
		{"mgmt01:&gpu", "no host is left"},
		{"gpu:!gpu", "no host is left"},
		{"", "an empty term"},
		{"gpu,,rack1", "an empty term"},
		{"!", "an empty term"},
		{"?", "an empty term"},
		{"dgx[1-", "brackets"},
		{"dgx[a-b]", `"a" is not a number`},
		{"@/no/such/file", "no such file"},
		{"@" + nested, "may not name another one"},
		{"gpu:!nothing", `named "nothing"`},
		{"n[1-9999999]", "more than"},
	}
	for _, c := range cases {
		hosts, err := inv.Match(c.pattern)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, %v; want %q", c.pattern, FoldNames(namesOf(hosts)), err, c.want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	inv, diags := Load(filepath.Join("testdata", "good", "cluster.hcl"), Options{})
	if diags.HasErrors() {
		f.Fatal(diags)
	}
	for _, s := range []string{"gpu:&rack1:!dgx007", "dgx[001-003]?", "a*", "[", "!&x", ":", "dgx*[1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if strings.Contains(pattern, "@") {
			return // would read files of this machine
		}
		hosts, err := inv.Match(pattern)
		if err != nil && hosts != nil {
			t.Fatal("hosts beside an error")
		}
		order := map[*Host]int{}
		for i, h := range inv.Hosts {
			order[h] = i
		}
		if !slices.IsSortedFunc(hosts, func(a, b *Host) int { return order[a] - order[b] }) {
			t.Fatalf("%q: not in inventory order", pattern)
		}
	})
}
