package integration

import (
	"strings"
	"testing"
	"time"

	"muster/modules"
	"muster/modules/mariadb"
)

// TestSecretsInDatabase gives a database account a password, and then another one.
// Neither they nor the hashes that the server keeps are seen in a process, or left
// anywhere but in the server's own tables.
func TestSecretsInDatabase(t *testing.T) {
	long(t)
	l := up(t, "secretdb", "node01")
	s := newSite(t, l)
	s.inventory(t, "admin", "", `secret "db" { env = "SITE_SECRET" }`)
	s.write(t, "play.hcl", `
step "mariadb" "site" {
  on = "node01"
  database "site" {}
  user "site@localhost" {
    password = secret.db
    database = "site"
  }
}
`)
	seen := map[string]string{}
	passwords := []string{"canary-of-db-3e77-old", "canary-of-db-3e77-new"}
	for _, password := range passwords {
		p := start(t, s.dir, "", []string{"SITE_SECRET=" + password}, "apply", "-v", "--yes", "--json", "play.hcl")
		for running := true; running; {
			select {
			case <-p.done:
				running = false
			case <-time.After(20 * time.Millisecond):
				seen["processes"] += processes(t, p.cmd.Process.Pid)
			}
		}
		r := p.wait(t, 5*time.Minute).want(t, 0)
		seen["events"] += r.stdout + r.stderr
	}
	if !strings.Contains(seen["processes"], "mariadbd") {
		t.Error("the samples of processes do not show the server: they show nothing")
	}
	for _, password := range passwords {
		noCanaryAtAll(t, s, seen, password, "/root")
		for _, form := range mariadb.Derived(modules.Secret{Bytes: []byte(password)}) {
			for what, text := range seen {
				if strings.Contains(text, form) {
					t.Errorf("%s: a form of the password is in it", what)
				}
			}
			noCanary(t, form, s.dir)
		}
	}
	// The last one is in force.
	if out := on(t, l, "node01", "mariadb -N -u site -p"+passwords[1]+" -e 'SELECT 1'"); out != "1" {
		t.Errorf("a login with the new password says %q", out)
	}
}
