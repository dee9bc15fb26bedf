package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
	"muster/playbooks/event"
)

// TestCommandLine runs the verbs and flags that an operator types, on three nodes.
func TestCommandLine(t *testing.T) {
	l := up(t, "cli", "node[01-03]")
	for _, c := range []struct {
		name string
		f    func(*testing.T, *site)
	}{
		{"Playbooks", cliPlaybooks}, {"Selection", cliSelection}, {"Variables", cliVariables}, {"Consent", cliConsent}, {"JSON", cliJSON},
		{"Looking", cliLooking}, {"Run", cliRun}, {"Mistakes", cliMistakes}, {"Unreachable", cliUnreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			everywhere(t, l, "rm -rf /root/cli*")
			c.f(t, newSite(t, l))
		})
	}
}

// cliPlay writes one file with the value of a variable on every node.
const cliPlay = `
variable "text" { default = "plain" }
step "file" "out" {
  on      = "all"
  path    = "/root/cli"
  content = "${var.text}\n"
}
`

// cliPlaybooks: by name and by path, with inventories that are a file and a folder.
func cliPlaybooks(t *testing.T, s *site) {
	on(t, s.Lab, "node01", "sed -i '/node02/d' /etc/hosts")
	s.run(t, "apply", "-i", "inventory.hcl", "--yes", "baseline").want(t, 0)
	if got := on(t, s.Lab, "node01", "getent hosts node02"); !strings.HasPrefix(got, s.address("node02")) {
		t.Errorf("after `apply baseline`, node01 knows node02 as %q", got)
	}
	s.write(t, "some/where/play.hcl", cliPlay)
	if err := os.Mkdir(filepath.Join(s.dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(s.dir, "inventory.hcl"), filepath.Join(s.dir, "folder/10-hosts.hcl")); err != nil {
		t.Fatal(err)
	}
	s.write(t, "folder/20-groups.hcl", "group \"first\" {\nhosts = [\"node01\"]\n}\n")
	s.apply(t, 0, "-i", "folder", "-l", "first", "some/where/play.hcl")
	if !has(t, s.Lab, "node01", "/root/cli") || has(t, s.Lab, "node02", "/root/cli") {
		t.Error("the group of the second file of the folder was not what was applied to")
	}
	s.run(t, "inventory", "list", "-i", "folder").want(t, 0).says(t, "node03", "first")
}

func cliSelection(t *testing.T, s *site) {
	s.write(t, "play.hcl", cliPlay+`
step "file" "more" {
  on        = "node01"
  after_all = [step.file.out]
  path      = "/root/cli.more"
  content   = "x"
}`)
	hosts := s.run(t, "apply", "--list-hosts", "-l", "node[02-03]", "play.hcl").want(t, 0)
	if hosts.stdout != "node02\nnode03\n" {
		t.Errorf("--list-hosts: %q", hosts.stdout)
	}
	s.run(t, "plan", "--list-steps", "play.hcl").want(t, 0).says(t, "file[out]  3 nodes  play.hcl:3,1", "file[more]  1 nodes")
	s.apply(t, 0, "-l", "node[02-03]", "play.hcl")
	for n, want := range map[string]bool{"node01": false, "node02": true, "node03": true} {
		if has(t, s.Lab, n, "/root/cli") != want {
			t.Errorf("-l node[02-03]: %s has the file: %v", n, !want)
		}
	}
	s.run(t, "apply", "--yes", "-l", "web:!node01", "play.hcl").want(t, 0).says(t, "nothing to change on 2 of 2 nodes")
	s.run(t, "plan", "-l", "node01", "play.hcl").want(t, 0).says(t, "assumed done, not selected: file[out]@node[02-03]")
	s.write(t, "two", "node01\n# a comment\nnode03\n")
	if got := s.run(t, "plan", "--list-hosts", "-l", "@two", "play.hcl").want(t, 0).stdout; got != "node01\nnode03\n" {
		t.Errorf("-l @two: %q", got)
	}
	s.run(t, "plan", "--detailed-exitcode", "play.hcl").want(t, 2)
	s.run(t, "plan", "--detailed-exitcode", "-l", "node03", "play.hcl").want(t, 0)
}

// cliVariables: -e with text, a number, a map, and a host variable.
func cliVariables(t *testing.T, s *site) {
	s.write(t, "play.hcl", `
variable "text" { type = string }
variable "count" { type = number }
variable "limits" { type = map(number) }
step "file" "out" {
  on      = "node01"
  path    = "/root/cli"
  content = "${var.text} ${var.count + 1} ${join(",", [for k, v in var.limits : "${k}=${v * 2}"])} ${host.vars.rack}\n"
}`)
	s.apply(t, 0, "-e", "text=a b=c", "-e", "count=41", "-e", `limits={ mem = 2, "files" = 3 }`, "-e", "rack=r7", "play.hcl")
	if got := on(t, s.Lab, "node01", "cat /root/cli"); got != "a b=c 42 files=6,mem=4 r7" {
		t.Errorf("the variables came out as %q", got)
	}
	s.run(t, "plan", "-e", "text=x", "-e", "count=many", "-e", "limits={}", "-e", "rack=1", "play.hcl").want(t, 1).says(t, "count", "number")
	s.run(t, "plan", "-e", "text=x", "play.hcl").want(t, 1).says(t, `"count"`, `"limits"`)
}

// cliConsent: only yes is a yes.
func cliConsent(t *testing.T, s *site) {
	s.write(t, "play.hcl", cliPlay)
	for _, answer := range []string{"no\n", "", "y\n", "YES\n"} {
		r := start(t, s.dir, answer, nil, "apply", "play.hcl").wait(t, time.Minute).want(t, 8)
		r.says(t, "3 of 3 nodes to change", "Only 'yes' is a yes", "Nothing was changed")
		if has(t, s.Lab, "node01", "/root/cli") {
			t.Fatalf("the answer %q was taken for a yes", answer)
		}
	}
	s.run(t, "resume").want(t, 1) // a declined run is none
	start(t, s.dir, "yes\n", nil, "apply", "play.hcl").wait(t, time.Minute).want(t, 0)
	if got := on(t, s.Lab, "node03", "cat /root/cli"); got != "plain" {
		t.Errorf("after a yes: %q", got)
	}
	// Nothing to do is not asked for.
	start(t, s.dir, "", nil, "apply", "play.hcl").wait(t, time.Minute).want(t, 0)
}

// cliJSON: the first line is a version, the last one the summary with the exit code,
// whatever happens.
func cliJSON(t *testing.T, s *site) {
	s.write(t, "play.hcl", cliPlay)
	s.write(t, "fails.hcl", `
step "command" "no" {
  on     = "node02"
  argv   = ["sh", "-c", "echo why >&2; exit 9"]
  unless = ["false"]
}`)
	s.write(t, "broken.hcl", "step \"file\" {\n")
	for _, c := range []struct {
		exit int
		args []string
	}{
		{0, []string{"plan", "play.hcl"}},
		{0, []string{"apply", "--yes", "play.hcl"}},
		{3, []string{"apply", "--yes", "fails.hcl"}},
		{1, []string{"apply", "--yes", "broken.hcl"}},
		{1, []string{"plan", "missing.hcl"}},
		{1, []string{"apply", "play.hcl"}},
		{1, []string{"plan", "-l", "nobody", "play.hcl"}},
		{5, []string{"apply", "--yes", "--expect", "ffff", "-e", "text=other", "play.hcl"}},
	} {
		r := s.run(t, append([]string{"--json"}, c.args...)...).want(t, c.exit)
		lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
		if len(r.events) != len(lines) || len(lines) < 2 {
			t.Fatalf("%v: %d lines, %d of them events:\n%s", c.args, len(lines), len(r.events), r.stdout)
		}
		first, last := r.events[0], r.events[len(r.events)-1]
		if first.Kind != event.KindVersion || first.Version != event.Version || last.Kind != event.RunSummary || last.Summary.Exit != c.exit {
			t.Errorf("%v: first %s, last %s: %s", c.args, first.Kind, last.Kind, lines[len(lines)-1])
		}
		for i, e := range r.events {
			if e.Seq != uint64(i+1) || e.Time.IsZero() || i > 0 && i < len(r.events)-1 && e.Kind == event.RunSummary {
				t.Errorf("%v: line %d: %s", c.args, i+1, lines[i])
			}
		}
	}
	r := s.run(t, "apply", "--json", "--yes", "fails.hcl")
	i := slices.IndexFunc(r.events, func(e event.Event) bool { return e.Kind == event.StepResult && e.Failure != nil })
	if i < 0 || r.events[i].Failure.Exit != 9 || !strings.Contains(r.events[i].Failure.Stderr, "why") || r.events[i].Name() != "command[no]@node02" {
		t.Errorf("the failure is not told:\n%s", tail(r.stdout, 2000))
	}
}

// cliLooking: the verbs that only look.
func cliLooking(t *testing.T, s *site) {
	s.inventory(t, "admin", "", "group \"web\" {\nvars = { port = 80 }\n}\nhost \"spare\" {\naddress = \"192.0.2.77\"\ngroups = [\"web\"]\nvars = { port = 81 }\n}\n")
	s.write(t, "play.hcl", cliPlay+"step \"file\" \"two\" {\non = \"node01\"\nafter = [step.file.out]\npath = \"/root/cli2\"\ncontent = \"x\"\n}\n")
	s.run(t, "inventory", "list").want(t, 0).says(t, "node01  "+s.address("node01"), "spare")
	s.run(t, "inventory", "show", "spare").want(t, 0).says(t, "port", "81", "inventory.hcl:")
	s.run(t, "inventory", "show", "node01").want(t, 0).says(t, "80")
	s.run(t, "inventory", "graph").want(t, 0).says(t, "  web (4 hosts)", "    node[01-03],spare")
	s.run(t, "graph", "play.hcl").want(t, 0).says(t, "file[out] on 4", "after file[out]")
	s.run(t, "graph", "--dot", "play.hcl").want(t, 0).says(t, "digraph", "->")
	s.run(t, "docs", "file").want(t, 0).says(t, "path", "string, required", "Example")
	s.run(t, "validate", "play.hcl").want(t, 0)
	s.run(t, "fmt", "--check", "play.hcl").want(t, 1).says(t, "play.hcl")

	s.run(t, "ping", "-l", "node[01-03]").want(t, 0).says(t, "node01  ok", "node03  ok", "debian")
	facts := s.run(t, "facts", "--json", "-l", "node02").want(t, 0)
	var got map[string]struct {
		Hostname string
		CPUs     int `json:"cpus"`
		Memory   int `json:"memory_mb"`
	}
	if err := json.Unmarshal([]byte(facts.stdout), &got); err != nil {
		t.Fatalf("facts --json: %v\n%s", err, facts.stdout)
	}
	cpus := on(t, s.Lab, "node02", "nproc --all")
	if f := got["node02"]; len(got) != 1 || f.Hostname != "node02" || fmt.Sprint(f.CPUs) != cpus || f.Memory < 100 {
		t.Errorf("facts: %+v, the node has %s CPUs", got, cpus)
	}
	s.run(t, "facts", "-l", "node01").want(t, 0).says(t, cpus+" CPUs")
	// Recorded facts are enough for a plan without connecting.
	s.run(t, "plan", "--no-connect", "-l", "node[01-02]", "play.hcl").want(t, 0).says(t, "not connected", "2 of 2 nodes to change")
	if has(t, s.Lab, "node01", "/root/cli") {
		t.Error("a verb that only looks has written")
	}
}

func cliRun(t *testing.T, s *site) {
	on(t, s.Lab, "node03", "touch /root/cli.odd")
	r := s.run(t, "run", "--", "sh", "-c", "test -e /root/cli.odd && echo odd || echo even").want(t, 0)
	r.says(t, "--- 2: node[01-02]\neven\n", "--- 1: node03\nodd\n")
	s.run(t, "run", "-l", "node02", "--", "sh", "-c", "echo broken >&2; exit 3").want(t, 3).says(t, "broken", "node02")
	if got := s.run(t, "run", "-l", "node01", "--", "id", "-un").want(t, 0).stdout; got != "--- 1: node01\nroot\n" {
		t.Errorf("run: %q", got)
	}
	s.run(t, "run", "-l", "node01", "--", "no-such-program").want(t, 3).says(t, "no-such-program")
}

// cliMistakes: each is found before any node is touched, with exit 1, and says what
// was meant.
func cliMistakes(t *testing.T, s *site) {
	play := func(text string) string {
		s.write(t, "play.hcl", text)
		return "play.hcl"
	}
	step := func(module, argument, on string) string {
		return fmt.Sprintf("step %q \"a\" {\n on = %q\n %s = \"/root/cli\"\n content = \"x\"\n}\n", module, on, argument)
	}
	for _, c := range []struct {
		args []string
		text string
		says string
	}{
		{[]string{"aply", "play.hcl"}, cliPlay, "Did you mean apply"},
		{[]string{"plan", "play.hcl"}, step("fiel", "path", "all"), `Did you mean "file"`},
		{[]string{"plan", "play.hcl"}, step("file", "paht", "all"), `Did you mean "path"`},
		{[]string{"plan", "play.hcl"}, step("file", "path", "node1"), `did you mean "node01"`},
		{[]string{"plan", "play.hcl"}, step("file", "path", "wbe"), `did you mean "web"`},
		{[]string{"plan", "-l", "node09", "play.hcl"}, cliPlay, "node09"},
		{[]string{"plan", "-l", "wbe", "play.hcl"}, cliPlay, `did you mean "web"`},
		{[]string{"plan", "play.hcl"}, cliPlay + "step \"file\" \"b\" {\n on = \"all\"\n after = [step.file.otu]\n path = \"/b\"\n content = \"\"\n}\n", `Did you mean step.file.out`},
		{[]string{"plan", "play.hcl"}, strings.Replace(cliPlay, "var.text", "var.txet", 1), `Did you mean "text"`},
		{[]string{"plan", "play.hcl"}, strings.Replace(cliPlay, "${var.text}", "${host.facts.cpu}", 1), `Did you mean "cpus"`},
		{[]string{"plan", "-e", "txet=1", "play.hcl"}, cliPlay, `Did you mean "text"`},
		{[]string{"plan", "paly.hcl"}, cliPlay, "paly.hcl"},
		{[]string{"plan", "slurm-clutser"}, cliPlay, `Did you mean "slurm-cluster"`},
		{[]string{"plan", "-i", "missing.hcl", "play.hcl"}, cliPlay, "missing.hcl"},
		{[]string{"docs", "fiel"}, cliPlay, `Did you mean "file"`},
		{[]string{"inventory", "show", "node1"}, cliPlay, `did you mean "node01"`},
		{[]string{"plan", "--lmit", "x", "play.hcl"}, cliPlay, "--lmit"},
	} {
		play(c.text)
		r := s.run(t, c.args...)
		if r.exit != 1 || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%v: exit %d, want 1 with %q:\n%s%s", c.args, r.exit, c.says, c.text, r.stderr)
		}
	}
	// All mistakes of a file at once, each with its place.
	play(step("fiel", "path", "all") + strings.Replace(step("file", "paht", "wbe"), `"a"`, `"b"`, 1))
	s.run(t, "plan", "play.hcl").want(t, 1).says(t, "play.hcl:1,6", "play.hcl:8,2", "play.hcl:7,7", "4 errors")

	empty := t.TempDir()
	muster(t, empty, "plan", "slurm-cluster").want(t, 1).says(t, "no inventory: give -i FILE")
	write(t, filepath.Join(empty, "inventory.hcl"), "cluster \"x\" {}\nhost \"a\" {\nadress = \"10.0.0.1\"\n}\n")
	muster(t, empty, "inventory", "list").want(t, 1).says(t, "inventory.hcl:3,1", `"address"`)
	if c := (&cluster{Lab: s.Lab}); len(agentsOf(t, c)) > 0 || has(t, s.Lab, "node01", "/root/cli") {
		t.Error("a mistake has touched a node")
	}
}

// cliUnreachable: one node of three does not answer; the others are complete, and
// the same command finishes it later.
func cliUnreachable(t *testing.T, s *site) {
	s.write(t, "play.hcl", cliPlay)
	if err := s.Kill(t.Context(), "node02"); err != nil {
		t.Fatal(err)
	}
	s.run(t, "plan", "play.hcl").want(t, 4).says(t, "not planned 1 node node02", "2 of 3 nodes to change")
	s.run(t, "ping").want(t, 4).says(t, "node01  ok", "node02  unreachable")
	r := s.run(t, "apply", "--yes", "play.hcl").want(t, 4).says(t, "Unreachable: 1 node node02", "2 steps changed")
	for _, n := range []string{"node01", "node03"} {
		if got := on(t, s.Lab, n, "cat /root/cli"); got != "plain" {
			t.Errorf("%s: %q", n, got)
		}
	}
	if err := s.Start(t.Context(), "node02"); err != nil {
		t.Fatal(err)
	}
	s.run(t, append(resumeOf(t, r), "--yes")...).want(t, 0)
	if got := on(t, s.Lab, "node02", "cat /root/cli"); got != "plain" {
		t.Errorf("node02 after the resume: %q", got)
	}
	if sum := s.apply(t, 0, "play.hcl").summary(t); sum.Changes != 0 {
		t.Errorf("a further apply has %d changes", sum.Changes)
	}
}

// TestHostKeys: nothing is believed silently.
func TestHostKeys(t *testing.T) {
	l := up(t, "keys", "node01")
	s := newSite(t, l)
	s.write(t, "play.hcl", cliPlay)
	known := filepath.Join(s.dir, "known_hosts")
	own := strings.Replace(readText(t, s.dir, "inventory.hcl"), filepath.Join(l.Dir, lab.FileKnownHosts), known, 1)
	s.write(t, "inventory.hcl", own)
	s.apply(t, 4, "play.hcl").says(t, "host key")
	if _, err := os.Stat(known); err == nil {
		t.Error("an unknown key was written down without being asked to")
	}
	s.apply(t, 0, "--host-key=accept-new", "play.hcl")
	s.apply(t, 0, "play.hcl") // now it is known
	on(t, l, "node01", "rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh")
	for _, flags := range [][]string{{}, {"--host-key=accept-new"}} {
		s.apply(t, 4, append(flags, "-e", "text=other", "play.hcl")...).says(t, "host key")
	}
	if got := on(t, l, "node01", "cat /root/cli"); got != "plain" {
		t.Errorf("written past a changed host key: %q", got)
	}
}

func readText(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
