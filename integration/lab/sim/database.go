package sim

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"muster/modules/machine"
)

// database answers the mariadb client as far as muster speaks to it: databases,
// accounts and grants, in the words that were recorded.
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
	showGrants   = regexp.MustCompile(`^SHOW GRANTS FOR ('([^']+)'@'([^']+)')$`)

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
		name := "no database"
		if d.names[m[1]] {
			name = "database"
		}
		return answer(name, "", nil, "{database}", m[1])
	}
	m := showGrants.FindStringSubmatch(statement)
	if m == nil {
		return machine.Result{}, false
	}
	a, name := d.accounts[m[1]], "account"
	if a == nil {
		name = "no account"
	}
	a = cmp.Or(a, &account{})
	return answer(name, "{grant}", a.grants, "{name}", m[2], "{host}", m[3], "{hash}", a.hash)
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
