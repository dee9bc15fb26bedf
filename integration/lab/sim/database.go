package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"muster/modules/machine"
)

// database answers the mariadb client as far as muster speaks to it: databases,
// accounts and grants. Its words are fixtures: those that the mariadb module parses.
type database struct {
	mu       sync.Mutex
	names    map[string]bool
	accounts map[string]*account
}

type account struct {
	hash   string
	grants []string
}

func newDatabase() *database {
	return &database{names: map[string]bool{}, accounts: map[string]*account{}}
}

var (
	showDatabase = regexp.MustCompile("^SHOW CREATE DATABASE `([^`]+)`$")
	showGrants   = regexp.MustCompile(`^SHOW GRANTS FOR ('[^']+'@'[^']+')$`)

	makeDatabase = regexp.MustCompile("^CREATE DATABASE IF NOT EXISTS `([^`]+)`$")
	setAccount   = regexp.MustCompile(`^(?:CREATE USER IF NOT EXISTS|ALTER USER) ('[^']+'@'[^']+') IDENTIFIED BY PASSWORD '([^']+)'$`)
	revokeAll    = regexp.MustCompile(`^REVOKE ALL PRIVILEGES, GRANT OPTION FROM ('[^']+'@'[^']+')$`)
	grantOne     = regexp.MustCompile(`^GRANT (.+) TO ('[^']+'@'[^']+')$`)
	dropAccount  = regexp.MustCompile(`^DROP USER IF EXISTS ('[^']+'@'[^']+')$`)
)

// ask answers a statement that only reads; ok is false for one that has no fixture.
func (d *database) ask(statement string) (res machine.Result, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := showDatabase.FindStringSubmatch(statement); m != nil {
		if !d.names[m[1]] {
			return machine.Result{Exit: 1, Stderr: fmt.Sprintf("ERROR 1049 (42000) at line 1: Unknown database '%s'\n", m[1])}, true
		}
		return machine.Result{Stdout: fmt.Sprintf("%s\tCREATE DATABASE `%s`\n", m[1], m[1])}, true
	}
	m := showGrants.FindStringSubmatch(statement)
	if m == nil {
		return machine.Result{}, false
	}
	a := d.accounts[m[1]]
	if a == nil {
		return machine.Result{Exit: 1, Stderr: "ERROR 1141 (42000) at line 1: There is no such grant defined\n"}, true
	}
	who := strings.ReplaceAll(m[1], "'", "`")
	out := fmt.Sprintf("GRANT USAGE ON *.* TO %s IDENTIFIED BY PASSWORD '%s'\n", who, a.hash)
	for _, what := range a.grants {
		out += fmt.Sprintf("GRANT %s TO %s\n", what, who)
	}
	return machine.Result{Stdout: out}, true
}

// change runs statements, one a line; it stops at the first that it does not know.
func (d *database) change(statements string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for line := range strings.Lines(statements) {
		statement := strings.TrimSuffix(strings.TrimSpace(line), ";")
		if statement != "" && !d.one(statement) {
			verb, _, _ := strings.Cut(statement, " ") // the rest may hold the hash of a password
			return fmt.Errorf("simulated mariadb: no fixture for a statement %s of %d bytes", verb, len(statement))
		}
	}
	return nil
}

func (d *database) one(statement string) bool {
	if m := makeDatabase.FindStringSubmatch(statement); m != nil {
		d.names[m[1]] = true
		return true
	}
	if m := setAccount.FindStringSubmatch(statement); m != nil {
		if d.accounts[m[1]] == nil {
			d.accounts[m[1]] = &account{}
		}
		d.accounts[m[1]].hash = m[2]
		return true
	}
	if m := dropAccount.FindStringSubmatch(statement); m != nil {
		delete(d.accounts, m[1])
		return true
	}
	return d.grant(statement)
}

func (d *database) grant(statement string) bool {
	if m := revokeAll.FindStringSubmatch(statement); m != nil && d.accounts[m[1]] != nil {
		d.accounts[m[1]].grants = nil
		return true
	}
	m := grantOne.FindStringSubmatch(statement)
	if m == nil || d.accounts[m[2]] == nil {
		return false
	}
	a := d.accounts[m[2]]
	if !slices.Contains(a.grants, m[1]) {
		a.grants = append(a.grants, m[1])
	}
	return true
}
