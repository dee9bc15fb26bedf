package mariadb

import (
	"context"
	"crypto/sha1" // #nosec: the hash that MariaDB's own protocol is made of
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// UserTable is the table of accounts; the key is name@host. Fields: "password",
// a secret, the hash that the server keeps; "grants", what the account may do,
// one "ALL PRIVILEGES ON `db`.*" a line, sorted.
type UserTable struct{}

// Name of the table.
func (UserTable) Name() string { return "mysql_user" }

// Read asks the server for the account's grants.
func (UserTable) Read(ctx context.Context, m machine.Machine, key string, _ []string) (machine.State, error) {
	if err := CheckAccount("user", key); err != nil {
		return nil, err
	}
	out, unknown, absent, err := ask(ctx, m, "SHOW GRANTS FOR "+quoted(key), errNoGrant)
	switch {
	case err != nil || absent:
		return nil, err
	case unknown != nil:
		hidden := *unknown
		hidden.Secret = true
		return machine.State{"password": hidden, "grants": *unknown}, nil
	}
	return parseGrants(out), nil
}

var (
	usageLine = regexp.MustCompile("^GRANT .* ON \\*\\.\\* TO `[^`]*`@`[^`]*`(?: IDENTIFIED BY PASSWORD '([^']*)')?")
	grantLine = regexp.MustCompile("^GRANT (.*) TO `[^`]*`@`[^`]*`(.*)$")
)

// parseGrants reads what SHOW GRANTS prints. The line for *.* carries the
// password; USAGE in it means no privilege at all.
func parseGrants(out string) machine.State {
	password, grants := "", []string(nil)
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		if m := usageLine.FindStringSubmatch(l); m != nil {
			password = m[1]
		}
		m := grantLine.FindStringSubmatch(l)
		if m == nil || m[1] == "USAGE ON *.*" {
			continue
		}
		what := m[1]
		if strings.Contains(m[2], "WITH GRANT OPTION") {
			what += " WITH GRANT OPTION"
		}
		grants = append(grants, what)
	}
	slices.Sort(grants)
	return machine.State{"password": {S: password, Secret: true}, "grants": machine.Text(strings.Join(grants, "\n"))}
}

// Write makes the account so: its password by the hash alone, its grants anew.
func (UserTable) Write(ctx context.Context, run machine.Runner, key string, was, want machine.State) error {
	who := quoted(key)
	if want == nil {
		return client(ctx, run, "DROP USER IF EXISTS "+who+";\n")
	}
	hash := want.Get("password").S
	if !hashPattern.MatchString(hash) {
		return &machine.Error{Object: "mysql_user[" + key + "]", Op: "password", Err: fmt.Errorf("is no hash of a password")}
	}
	sql := fmt.Sprintf("CREATE USER IF NOT EXISTS %s IDENTIFIED BY PASSWORD '%s';\nALTER USER %s IDENTIFIED BY PASSWORD '%s';\n", who, hash, who, hash)
	if g, asked := want["grants"]; asked && g.S != was.Get("grants").S {
		sql += "REVOKE ALL PRIVILEGES, GRANT OPTION FROM " + who + ";\n"
		for _, what := range strings.Split(g.S, "\n") {
			if what != "" {
				sql += "GRANT " + what + " TO " + who + ";\n"
			}
		}
	}
	return client(ctx, run, sql)
}

var hashPattern = regexp.MustCompile(`^\*[0-9A-F]{40}$`)

// UserItem asks for an account that owns one database and may do nothing else.
func UserItem(account string, password modules.Secret, database string) machine.Item {
	return machine.Item{
		Ref: machine.Ref{Table: UserTable{}.Name(), Key: account},
		Want: machine.State{
			"password": modules.Secret{Bytes: hash(Password(password)), Pending: password.Pending}.Value(),
			"grants":   machine.Text("ALL PRIVILEGES ON `" + database + "`.*"),
		},
	}
}

// hash is MariaDB's mysql_native_password: SHA-1 of the SHA-1 of the password.
func hash(password string) []byte {
	one := sha1.Sum([]byte(password))
	two := sha1.Sum(one[:])
	return []byte("*" + strings.ToUpper(hex.EncodeToString(two[:])))
}

// Password is the text that a secret stands for: itself without a final line
// break; where it is binary, as generated secrets are, the hexadecimal digits of
// its SHA-256. An unfinished secret has none.
func Password(s modules.Secret) string {
	if s.Pending {
		return ""
	}
	text := strings.TrimRight(string(s.Bytes), "\r\n")
	if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return text
	}
	sum := sha256.Sum256(s.Bytes)
	return hex.EncodeToString(sum[:])
}

// Derived are the forms in which a password leaves the module: the text that it
// stands for and the hash of it.
func Derived(s modules.Secret) []string {
	if s.Pending {
		return nil
	}
	p := Password(s)
	return []string{p, string(hash(p))}
}

// CheckPassword refuses what a line of slurmdbd.conf or of a client's option file
// could not hold.
func CheckPassword(arg string, s modules.Secret) error {
	if s.Pending {
		return nil
	}
	p := Password(s)
	if p == "" || len(p) > 128 || strings.ContainsAny(p, " #\"'\\=;") {
		return modules.BadArg(arg, "has to be 1 to 128 characters without spaces, quotes, #, =, ; and \\")
	}
	return nil
}

// quoted writes 'name'@'host'; CheckAccount has seen that nothing in it needs an
// escape.
func quoted(account string) string {
	name, host, _ := strings.Cut(account, "@")
	return "'" + name + "'@'" + host + "'"
}
