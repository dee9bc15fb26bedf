package linux

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/modules/machine"
)

// getent asks the node's name service. A node without it, or one whose directory
// server does not answer, simply has no other names.
func (s *Store) getent(database, key string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	res, err := s.run(ctx, program{argv: []string{"getent", database, key}})
	if err != nil || res.Exit != 0 {
		return ""
	}
	return res.Stdout
}

// readUser gives uid, group (primary), groups (supplementary, sorted, joined by
// commas), home, shell and gecos of a local user.
func (s *Store) readUser(name string) (machine.State, error) {
	u, ok, err := s.accounts.byName("passwd", name)
	if err != nil || !ok {
		return nil, accountError("user", name, "read", err)
	}
	primary, err := s.accounts.groupName(u.group)
	if err != nil {
		return nil, accountError("user", name, "read", err)
	}
	groups, err := s.accounts.list("group")
	if err != nil {
		return nil, accountError("user", name, "read", err)
	}
	var in []string
	for _, g := range groups {
		if slices.Contains(g.members, name) {
			in = append(in, g.name)
		}
	}
	slices.Sort(in)
	return machine.State{
		"uid": machine.Text(strconv.Itoa(u.id)), "group": primary, "groups": machine.Text(strings.Join(in, ",")),
		"home": machine.Text(u.home), "shell": machine.Text(u.shell), "gecos": machine.Text(u.gecos),
	}, nil
}

// readGroup gives the gid of a local group.
func (s *Store) readGroup(name string) (machine.State, error) {
	g, ok, err := s.accounts.byName("group", name)
	if err != nil || !ok {
		return nil, accountError("group", name, "read", err)
	}
	return machine.State{"gid": machine.Text(strconv.Itoa(g.id))}, nil
}

// readName gives the id of "user NAME" or "group NAME" from whatever source of the
// node knows it: what may own a file.
func (s *Store) readName(key string) (machine.State, error) {
	table, name, _ := strings.Cut(key, " ")
	database, ok := map[string]string{"user": "passwd", "group": "group"}[table]
	if !ok {
		return nil, fmt.Errorf("name_service[%s]: neither a user nor a group", key)
	}
	c, ok, err := s.accounts.byName(database, name)
	if err != nil {
		return nil, accountError(table, name, "read", err)
	}
	if !ok {
		c, ok = s.accounts.other(database, name)
	}
	if !ok {
		return nil, nil
	}
	return machine.State{"id": machine.Text(strconv.Itoa(c.id))}, nil
}

func accountError(table, name, op string, err error) error {
	if err == nil {
		return nil
	}
	return &machine.Error{Object: table + "[" + name + "]", Op: op, Err: err}
}

// putUser makes, changes or removes a user. It makes no home folder and no mail
// box: those are files, and a plan would not have shown them.
func (s *Store) putUser(ctx context.Context, it machine.Item, was machine.State) error {
	name := it.Ref.Key
	if it.Want == nil {
		return s.account(ctx, it.Ref, "userdel", name)
	}
	if err := s.free("passwd", "uid", name, it.Want); err != nil {
		return accountError("user", name, "write", err)
	}
	var args []string
	for _, o := range []struct{ field, flag string }{
		{"uid", "--uid"}, {"group", "--gid"}, {"groups", "--groups"},
		{"home", "--home-dir"}, {"shell", "--shell"}, {"gecos", "--comment"},
	} {
		v, ok := it.Want[o.field]
		if !ok || (was != nil && was.Get(o.field).S == v.S) || (was == nil && v.S == "") {
			continue
		}
		if was != nil && o.field == "home" {
			o.flag = "--home"
		}
		args = append(args, o.flag, v.S)
	}
	if was != nil {
		return s.account(ctx, it.Ref, append(append([]string{"usermod"}, args...), name)...)
	}
	argv := append([]string{"useradd", "--no-create-home"}, s.newUser(name, it)...)
	return s.account(ctx, it.Ref, append(append(argv, args...), name)...)
}

// newUser chooses what useradd would otherwise take from the distribution's
// defaults, which differ.
func (s *Store) newUser(name string, it machine.Item) []string {
	var args []string
	want := it.Want
	uid, err := strconv.Atoi(want.Get("uid").S)
	shell := want.Get("shell").S
	if it.How[machine.HowSystem] == "true" || (err == nil && uid < 1000) || (err != nil && (strings.HasSuffix(shell, "/nologin") || strings.HasSuffix(shell, "/false"))) {
		args = append(args, "--system")
	}
	if _, ok := want["group"]; ok {
		return args
	}
	if _, ok, _ := s.accounts.byName("group", name); ok {
		return append(args, "--gid", name)
	}
	return append(args, "--user-group")
}

// putGroup makes, changes or removes a group.
func (s *Store) putGroup(ctx context.Context, it machine.Item, was machine.State) error {
	name := it.Ref.Key
	if it.Want == nil {
		return s.account(ctx, it.Ref, "groupdel", name)
	}
	if err := s.free("group", "gid", name, it.Want); err != nil {
		return accountError("group", name, "write", err)
	}
	argv := []string{"groupadd"}
	if was != nil {
		argv = []string{"groupmod"}
	}
	gid, numbered := it.Want["gid"]
	if was != nil && !numbered {
		return nil
	}
	id, err := strconv.Atoi(gid.S)
	if was == nil && (it.How[machine.HowSystem] == "true" || (err == nil && id < 1000)) {
		argv = append(argv, "--system")
	}
	if numbered {
		argv = append(argv, "--gid", gid.S)
	}
	return s.account(ctx, it.Ref, append(argv, name)...)
}

// free says who has the wanted id already: the one thing that the programs do not
// tell.
func (s *Store) free(database, field, name string, want machine.State) error {
	v, ok := want[field]
	if !ok {
		return nil
	}
	id, err := strconv.Atoi(v.S)
	if err != nil || id < 0 {
		return fmt.Errorf("%s %q: must be a number", field, v.S)
	}
	other, taken, err := s.accounts.byID(database, id)
	if err != nil || !taken || other.name == name {
		return err
	}
	return fmt.Errorf("%s %d is taken by %s", field, id, other.name)
}

// account runs one of the programs of the shadow suite.
func (s *Store) account(ctx context.Context, ref machine.Ref, argv ...string) error {
	res, err := s.run(ctx, program{argv: argv, timeout: time.Minute})
	if err != nil {
		return &machine.Error{Object: ref.String(), Op: argv[0], Err: err, Command: argv}
	}
	if res.Exit == 0 {
		return nil
	}
	cause := lastLine(res.Stderr)
	if cause == "" {
		cause = fmt.Sprintf("exit status %d", res.Exit)
	}
	return &machine.Error{Object: ref.String(), Op: argv[0], Err: errors.New(cause),
		Command: argv, Exit: res.Exit, Stderr: res.Stderr}
}

// lastLine is the last line with something on it.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
