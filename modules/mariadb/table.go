package mariadb

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// Reads begins every query of the tables: the session is read only, and the
// server itself refuses whatever would change something.
var Reads = []string{"mariadb", "--batch", "--skip-column-names", "--raw", "--init-command=SET SESSION TRANSACTION READ ONLY"}

// dataDir is there once a server has been set up. Without it there is no
// database and no account, whether or not a server runs.
const dataDir = "/var/lib/mysql/mysql"

var (
	databasePattern = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	accountPattern  = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,80}@[A-Za-z0-9_.:%-]{1,255}$`)
	sizePattern     = regexp.MustCompile(`^[1-9][0-9]{0,6}[MG]$`)
	settingPattern  = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	valuePattern    = regexp.MustCompile(`^[A-Za-z0-9_.,:/@%+-]*$`)
)

// CheckDatabase wants a name that needs no quoting.
func CheckDatabase(arg, name string) error {
	if !databasePattern.MatchString(name) {
		return modules.BadArg(arg, "%q: use letters, digits and _, at most 64", name)
	}
	return nil
}

// CheckAccount wants name@host.
func CheckAccount(arg, name string) error {
	if !accountPattern.MatchString(name) {
		return modules.BadArg(arg, "%q: write name@host, such as slurm@localhost", name)
	}
	return nil
}

// The exit codes and messages of the client: 1141 no such account, 1049 no such
// database, 2002 no server at the socket.
const (
	errNoGrant    = "ERROR 1141 "
	errNoDatabase = "ERROR 1049 "
	errNoServer   = "ERROR 2002 "
)

// ask runs a statement that only reads. gone is the message that means the thing
// is not there. known is false where the server cannot be asked.
func ask(ctx context.Context, m machine.Machine, statement, gone string) (answer string, unknown *machine.Value, absent bool, err error) {
	dir, err := m.Read(ctx, machine.Ref{Table: "file", Key: dataDir}, "type")
	if err != nil || dir == nil {
		return "", nil, true, err
	}
	unit := machine.Ref{Table: "unit", Key: Unit}
	u, err := m.Read(ctx, unit, "running")
	if err != nil {
		return "", nil, false, err
	}
	stopped := machine.Unknown(Unit + " does not run")
	if !u.Get("running").True() {
		return "", &stopped, false, nil
	}
	argv := append(slices.Clone(Reads), "--execute="+statement)
	r, err := m.Query(ctx, machine.Query{Argv: argv, Reads: []machine.Ref{unit}, OK: []int{1}, Secret: true})
	switch {
	case err != nil:
		return "", nil, false, err
	case r.Unknown:
		v := machine.Unknown(r.Why)
		return "", &v, false, nil
	case strings.Contains(r.Stderr, errNoServer):
		return "", &stopped, false, nil
	case strings.Contains(r.Stderr, gone):
		return "", nil, true, nil
	case r.Exit != 0:
		return "", nil, false, &machine.Error{Object: Unit, Op: "ask", Err: fmt.Errorf("exit status %d", r.Exit), Command: argv, Exit: r.Exit, Stderr: r.Stderr}
	}
	return r.Stdout, nil, false, nil
}

// client runs statements that change something; they travel by standard input,
// so that nothing of them is in a process list.
func client(ctx context.Context, run machine.Runner, statements string) error {
	_, err := run(ctx, machine.Run{Argv: []string{"mariadb", "--show-warnings", "--batch"}, Stdin: []byte(statements)})
	return err
}

// DatabaseTable is the table of databases; the key is the name. Its only field,
// "exists", is "true".
type DatabaseTable struct{}

// Name of the table.
func (DatabaseTable) Name() string { return "mysql_database" }

// Read asks the server for the database.
func (DatabaseTable) Read(ctx context.Context, m machine.Machine, key string, _ []string) (machine.State, error) {
	if err := CheckDatabase("database", key); err != nil {
		return nil, err
	}
	_, unknown, absent, err := ask(ctx, m, "SHOW CREATE DATABASE `"+key+"`", errNoDatabase)
	switch {
	case err != nil || absent:
		return nil, err
	case unknown != nil:
		return machine.State{"exists": *unknown}, nil
	}
	return machine.State{"exists": machine.Bool(true)}, nil
}

// Write makes the database. It never drops one.
func (DatabaseTable) Write(ctx context.Context, run machine.Runner, key string, _, want machine.State) error {
	if want == nil {
		return &machine.Error{Object: "mysql_database[" + key + "]", Op: "drop", Err: fmt.Errorf("data is never dropped")}
	}
	return client(ctx, run, "CREATE DATABASE IF NOT EXISTS `"+key+"`;\n")
}

// DatabaseItem asks for a database.
func DatabaseItem(name string) machine.Item {
	return machine.Item{Ref: machine.Ref{Table: DatabaseTable{}.Name(), Key: name}, Want: machine.State{"exists": machine.Bool(true)}}
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
