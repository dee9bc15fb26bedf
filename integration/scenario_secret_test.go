package integration

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"muster/integration/lab"
)

// canaries are the values of one round; a second round has others, as a rotation does.
type canaries struct{ env, file, aged, token string }

func round(n string) canaries {
	return canaries{"canary-of-env-7f3a" + n, "canary-of-file-91bc" + n, "canary-of-age-55d0" + n, "canary-of-token-c2e8" + n}
}

// targets are the files that the secrets are meant for, by their values.
func (c canaries) targets() map[string]string {
	return map[string]string{"given": c.env, "filed": c.file, "aged": c.aged, "token": c.token}
}

// TestSecrets brings secrets of every kind to a node, under a sudo that asks for its
// password, and then other values in their place. No value, neither an old one nor a
// new one, is anywhere but in its target.
func TestSecrets(t *testing.T) {
	l := up(t, "secret", "node01")
	s := newSite(t, l)
	vault, id := t.TempDir(), ageIdentity(t)
	s.inventory(t, "pwadmin", "", `
secret "made" {
  generate = 32
  encoding = "hex"
}
secret "given" { env = "SITE_SECRET" }
secret "filed" { file = "`+filepath.Join(vault, "value")+`" }
secret "aged" { file = "`+filepath.Join(vault, "value.age")+`" }
`)
	s.write(t, "play.hcl", secretPlay)
	write(t, filepath.Join(vault, "identity"), id.String()+"\n")
	password, err := os.ReadFile(filepath.Join(l.Dir, lab.FilePassword))
	if err != nil {
		t.Fatal(err)
	}
	old, now := round("-old"), round("-new")
	seen := map[string]string{}
	for _, c := range []canaries{old, now} {
		write(t, filepath.Join(vault, "value"), c.file)
		write(t, filepath.Join(vault, "value.age"), sealed(t, id, c.aged))
		s.secretRuns(t, c, seen, "--identity", filepath.Join(vault, "identity"), "--become-password-file", filepath.Join(l.Dir, lab.FilePassword))
	}
	made := on(t, l, "node01", "cat /root/made")
	if b, err := hex.DecodeString(made); err != nil || len(b) != 32 {
		t.Fatalf("the generated secret is %d bytes of hex: %v", len(b), err)
	}
	targets := now.targets()
	targets["made"] = made
	for name, want := range targets {
		if got := on(t, l, "node01", "cat /root/"+name+"; stat -c ' %a %U:%G' /root/"+name); got != want+" 600 root:root" {
			t.Errorf("/root/%s is not the secret, or not root's alone: %s", name, strings.ReplaceAll(got, want, "(right)"))
		}
		noCanaryAtAll(t, s, seen, want, "")
	}
	for _, value := range old.targets() {
		noCanaryAtAll(t, s, seen, value, "/root")
	}
	noCanaryAtAll(t, s, seen, string(password), "/root")
}

const secretPlay = `
variable "token" {
  type      = string
  sensitive = true
}
step "file" "secrets" {
  on       = "all"
  for_each = { made = secret.made, given = secret.given, filed = secret.filed, aged = secret.aged }
  path     = "/root/${each.key}"
  secret   = each.value
}
step "file" "token" {
  on     = "all"
  path   = "/root/token"
  secret = var.token
}
step "command" "wait" {
  on      = "all"
  after   = [step.file.secrets, step.file.token]
  argv    = ["sleep", "2"]
  creates = "/root/never"
}
`

func ageIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sealed is a text as an age file.
func sealed(t *testing.T, id *age.X25519Identity, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, id.Recipient())
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// secretRuns plans, saves a plan, shows it, and applies with events, and takes samples
// of all processes of the machine meanwhile; what could be seen is added to seen.
func (s *site) secretRuns(t *testing.T, c canaries, seen map[string]string, more ...string) {
	t.Helper()
	env := []string{"SITE_SECRET=" + c.env}
	args := func(verb ...string) []string {
		return append(append(verb, "-e", "token="+c.token), more...)
	}
	plan := start(t, s.dir, "", env, append(args("plan", "-v", "--out", "saved"), "play.hcl")...).wait(t, time.Minute).want(t, 0)
	seen["plan"] += plan.stdout + plan.stderr
	show := s.run(t, "show", "-v", "saved").want(t, 0)
	seen["show"] += show.stdout + show.stderr
	words := start(t, s.dir, "no\n", env, append(args("apply", "-v"), "play.hcl")...).wait(t, time.Minute)
	seen["words"] += words.stdout + words.stderr
	p := start(t, s.dir, "", env, append(args("apply", "-v", "--yes", "--json"), "play.hcl")...)
	for running := true; running; {
		select {
		case <-p.done:
			running = false
		case <-time.After(50 * time.Millisecond):
			seen["processes"] += processes(t, p.cmd.Process.Pid)
		}
	}
	if !strings.Contains(seen["processes"], "/var/lib/muster/agent/") || !strings.Contains(seen["processes"], "sleep 2") {
		t.Error("the samples of processes show neither the agent nor what it runs: they show nothing")
	}
	r := p.wait(t, time.Second)
	seen["events"] += r.stdout + r.stderr
	// `wait` never makes what it says: the step fails, and the report has a failure.
	r.want(t, 3)
}

// processes are the command lines and environments of all processes of this machine,
// which hosts the nodes, but of one: the muster that was given secrets in both.
func processes(t *testing.T, but int) string {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, dir := range folders {
		if dir == fmt.Sprint("/proc/", but) {
			continue
		}
		for _, name := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil { // a process may be gone
				b.Write(bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

// noCanaryAtAll looks for a value in all that a run has printed, left on the
// controller and left on the node; more are folders of the node beside the usual ones.
func noCanaryAtAll(t *testing.T, s *site, seen map[string]string, value, more string) {
	t.Helper()
	for what, text := range seen {
		if strings.Contains(text, value) {
			t.Errorf("%s: the secret %s… is in it", what, value[:min(15, len(value))])
		}
	}
	noCanary(t, value, s.dir)
	noCanaryOnNode(t, s.Lab, value, more)
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
// was meant for, in its journal, and in its memory file systems; more are further
// folders.
func noCanaryOnNode(t *testing.T, l *lab.Lab, canary, more string) {
	t.Helper()
	out := on(t, l, "node01", `
		grep -rlaF --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev -e '`+canary+`' /etc /var /home /tmp /run /opt /srv /usr/local `+more+` 2>/dev/null
		journalctl -q -o cat | grep -aF -e '`+canary+`' && echo the journal
		ls -A /var/lib/muster >/dev/null && echo looked`)
	if out != "looked" {
		t.Errorf("the secret is also on the node in:\n%s", out)
	}
}
