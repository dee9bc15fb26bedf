package main

import (
	"maps"
	"strings"
	"testing"

	"muster/integration/lab"
)

// recap is what ansible-playbook prints at its end.
const recap = `
TASK [ansible.builtin.service] *************************************************
ok: [node01]
node09 : ok=7    changed=7

PLAY RECAP *********************************************************************
node01                     : ok=51   changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   
node02.example.com         : ok=12   changed=3    unreachable=1    failed=2    skipped=0    rescued=0    ignored=0   

`

func TestParseRecap(t *testing.T) {
	got := parseRecap(recap)
	want := map[string]map[string]int{
		"node01":             {"ok": 51, "changed": 0, "unreachable": 0, "failed": 0, "skipped": 0, "rescued": 0, "ignored": 0},
		"node02.example.com": {"ok": 12, "changed": 3, "unreachable": 1, "failed": 2, "skipped": 0, "rescued": 0, "ignored": 0},
	}
	if !maps.EqualFunc(got, want, maps.Equal[map[string]int]) {
		t.Errorf("%v", got)
	}
	if got := parseRecap("ERROR! the playbook: play.yml could not be found\n"); len(got) != 0 {
		t.Errorf("without a recap: %v", got)
	}
}

func TestRoundsAreMedians(t *testing.T) {
	r := rounds{byMuster: {1, 50, 2}, byAnsible: {300, 100, 260, 240}}
	if got := r.ratio(byAnsible, byMuster); got != 125 {
		t.Errorf("250 s over 2 s is %v", got)
	}
	f := r.note("noop_", byMuster)
	if f.Name != "noop_muster_s" || f.Value != 2 || f.Unit != "s" || f.Goal != nil || !f.Met {
		t.Errorf("%+v", f)
	}
}

func TestSame(t *testing.T) {
	was := map[string]string{"a": "x\ny\n", "b": "z\n"}
	if err := same(was, maps.Clone(was)); err != nil {
		t.Error(err)
	}
	for want, is := range map[string]map[string]string{
		`a: "Y", was "y"`:        {"a": "x\nY\n", "b": "z\n"},
		`b: "", was "z"`:         {"a": "x\ny\n"},
		`b: "more", was ""`:      {"a": "x\ny\n", "b": "z\nmore\n"},
		`a: "y", was "x"`:        {"a": "y\n", "b": "z\n"},
		`b: "(nothing)", was ""`: {"a": "x\ny\n", "b": "z"},
	} {
		if err := same(was, is); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestHandScripts holds what the scripts of the other side are made of: the files
// of the model, with addresses of the new lab, and each role's own packages.
func TestHandScripts(t *testing.T) {
	nodes := func(network string) []lab.Node {
		return []lab.Node{{Name: "ctl01", Address: network + "11", Groups: []string{"slurm_controller"}},
			{Name: "node01", Address: network + "12", Groups: []string{"slurm_node"}}}
	}
	model := cluster{nodes: nodes("10.213.7."), files: map[string][]copied{
		"node01": {{"/etc/default/slurmd", "root:root", "644", "--conf-server 10.213.7.11\n"},
			{"/etc/munge/munge.key", "munge:munge", "400", "10.213.7.\x00"}},
	}}
	c := containers{&lab.Lab{Nodes: nodes("10.213.200.")}}
	script := model.script(c, c.Nodes[1])
	for _, want := range []string{
		"install -qq --no-install-recommends " + nodePackages + " ",
		"base64 -d >/etc/default/slurmd <<'END'\nLS1jb25mLXNlcnZlciAxMC4yMTMuMjAwLjExCg==\nEND\n", // --conf-server 10.213.200.11
		"base64 -d >/etc/munge/munge.key <<'END'\nMTAuMjEzLjcuAA==\nEND\n",                        // as it was
		"chown munge:munge /etc/munge/munge.key\nchmod 400 /etc/munge/munge.key\n",
		"</dev/tcp/10.213.200.11/6817",
	} {
		if !strings.Contains(script, want) {
			t.Errorf("%q is not in the script:\n%s", want, script)
		}
	}
	if script := model.script(c, c.Nodes[0]); !strings.Contains(script, controllerPackages) || strings.Contains(script, "start slurmd\n") {
		t.Errorf("the controller's script:\n%s", script)
	}
}
