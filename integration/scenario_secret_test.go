package integration

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/integration/lab"
)

const canaryEnv, canaryFile = "canary-of-env-7f3a", "canary-of-file-91bc"

// TestSecrets brings secrets of all three kinds to a node and then looks for their
// values everywhere else.
func TestSecrets(t *testing.T) {
	l := up(t, "secret", "node01")
	s := newSite(t, l)
	vault := t.TempDir()
	write(t, filepath.Join(vault, "value"), canaryFile)
	s.inventory(t, "admin", "", `
secret "made" {
  generate = 32
  encoding = "hex"
}
secret "given" { env = "SITE_SECRET" }
secret "filed" { file = "`+filepath.Join(vault, "value")+`" }
`)
	play := func(extra string) {
		s.write(t, "play.hcl", `
step "file" "secrets" {
  on       = "all"
  for_each = { made = secret.made, given = secret.given, filed = secret.filed }
  path     = "/root/${each.key}"
  secret   = each.value
}
step "command" "wait" {
  on      = "all"
  after   = [step.file.secrets]
  argv    = ["sleep", "2"]
  creates = "/root/never"
}
`+extra)
	}
	play("")
	outputs := s.secretRuns(t)

	made := on(t, l, "node01", "cat /root/made")
	if b, err := hex.DecodeString(made); err != nil || len(b) != 32 {
		t.Fatalf("the generated secret is %d bytes of hex: %v", len(b), err)
	}
	for name, want := range map[string]string{"made": made, "given": canaryEnv, "filed": canaryFile} {
		if got := on(t, l, "node01", "cat /root/"+name); got != want {
			t.Errorf("/root/%s is not the secret", name)
		}
		if got := on(t, l, "node01", "stat -c '%a %U:%G' /root/"+name); got != "600 root:root" {
			t.Errorf("/root/%s is %s", name, got)
		}
	}
	for _, canary := range []string{made, canaryEnv, canaryFile} {
		for what, text := range outputs {
			if strings.Contains(text, canary) {
				t.Errorf("%s holds the secret %s…", what, canary[:8])
			}
		}
		noCanary(t, canary, s.dir)
		noCanaryOnNode(t, l, canary)
	}
	// The generated one is kept: a second apply changes nothing.
	r := start(t, s.dir, "", []string{"SITE_SECRET=" + canaryEnv}, "apply", "--yes", "--json", "-e", "x=1", "play.hcl").wait(t, time.Minute)
	for _, c := range changesOf(r.events, "plan_step") {
		if c.Table == "file" {
			t.Errorf("planned again: %v", c)
		}
	}
}

// secretRuns plans, saves a plan, and applies with events, and takes samples of all
// command lines on the machine meanwhile; it returns all that could be seen.
func (s *site) secretRuns(t *testing.T) map[string]string {
	t.Helper()
	env := []string{"SITE_SECRET=" + canaryEnv}
	seen := map[string]string{}
	plan := start(t, s.dir, "", env, "plan", "-v", "--out", "saved", "play.hcl").wait(t, time.Minute).want(t, 0)
	seen["plan"] = plan.stdout + plan.stderr
	show := s.run(t, "show", "-v", "saved").want(t, 0)
	seen["show"] = show.stdout + show.stderr
	p := start(t, s.dir, "", env, "apply", "-v", "--yes", "--json", "play.hcl")
	for running := true; running; {
		select {
		case <-p.done:
			running = false
		case <-time.After(50 * time.Millisecond):
			seen["command lines"] += commandLines(t)
		}
	}
	if !strings.Contains(seen["command lines"], "/var/lib/muster/agent/") {
		t.Error("the samples of command lines do not show the agent: they show nothing")
	}
	r := p.wait(t, time.Second)
	seen["events"] = r.stdout + r.stderr
	// `wait` never makes what it says: the step fails, and the report has a failure.
	r.want(t, 3)
	return seen
}

// commandLines are those of all processes of this machine, which hosts the nodes.
func commandLines(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil { // a process may be gone
			b.Write(bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// noCanary looks for a text in all files of a folder.
func noCanary(t *testing.T, canary, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(canary)) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 3 {
		t.Errorf("%s has %d files: the search shows nothing", dir, files)
	}
}

// noCanaryOnNode looks for a text on a node's disk outside of the folder that it
// was meant for, in its journal, and in its memory file systems.
func noCanaryOnNode(t *testing.T, l *lab.Lab, canary string) {
	t.Helper()
	out := on(t, l, "node01", `
		grep -rlaF --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev -e '`+canary+`' /etc /var /home /tmp /run /opt /srv /usr/local 2>/dev/null
		journalctl -q -o cat | grep -aF -e '`+canary+`' && echo the journal
		ls -A /var/lib/muster >/dev/null && echo looked`)
	if out != "looked" {
		t.Errorf("the secret is also on the node in:\n%s", out)
	}
}
