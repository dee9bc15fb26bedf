package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/modules/machine"
)

// account is a line of /etc/passwd, or of /etc/group with members instead of the
// fields of a user.
type account struct {
	name               string
	id, group          int
	gecos, home, shell string
	members            []string
}

// accounts reads users and groups. The files are read again when they change:
// packages bring users along in the middle of an apply.
type accounts struct {
	root string
	// ask looks a name or id up in the other sources of the node (LDAP, sssd); it
	// gives a line in the format of the file, or "".
	ask func(database, key string) string

	mu      sync.Mutex
	files   map[string]*accountFile
	outside map[string]string
}

type accountFile struct {
	size  int64
	mtime time.Time
	list  []account
}

// list gives the entries of database "passwd" or "group".
func (a *accounts) list(database string) ([]account, error) {
	path := filepath.Join(a.root, "etc", database)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.files[database]
	if f != nil && f.size == info.Size() && f.mtime.Equal(info.ModTime()) {
		return f.list, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f = &accountFile{size: info.Size(), mtime: info.ModTime(), list: parseAccounts(string(text))}
	if a.files == nil {
		a.files = map[string]*accountFile{}
	}
	a.files[database] = f
	return f.list, nil
}

// parseAccounts reads passwd (7 fields) and group (4 fields) lines. Lines of any
// other form are passed over, as the C library does.
func parseAccounts(text string) []account {
	var out []account
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) != 7 && len(f) != 4 {
			continue
		}
		id, err := strconv.Atoi(f[2])
		if err != nil || f[0] == "" {
			continue
		}
		c := account{name: f[0], id: id}
		if len(f) == 4 {
			c.members = strings.FieldsFunc(f[3], func(r rune) bool { return r == ',' })
		} else {
			if c.group, err = strconv.Atoi(f[3]); err != nil {
				continue
			}
			c.gecos, c.home, c.shell = f[4], f[5], f[6]
		}
		out = append(out, c)
	}
	return out
}

// byName finds a local entry.
func (a *accounts) byName(database, name string) (account, bool, error) {
	list, err := a.list(database)
	for _, c := range list {
		if c.name == name {
			return c, true, nil
		}
	}
	return account{}, false, err
}

// byID finds a local entry.
func (a *accounts) byID(database string, id int) (account, bool, error) {
	list, err := a.list(database)
	for _, c := range list {
		if c.id == id {
			return c, true, nil
		}
	}
	return account{}, false, err
}

// other asks the node's other sources, once for each key that has an answer.
func (a *accounts) other(database, key string) (account, bool) {
	if a.ask == nil {
		return account{}, false
	}
	a.mu.Lock()
	line, ok := a.outside[database+" "+key]
	a.mu.Unlock()
	if !ok {
		if line = a.ask(database, key); line == "" {
			return account{}, false // it may come with the directory's own service
		}
		a.mu.Lock()
		if a.outside == nil {
			a.outside = map[string]string{}
		}
		a.outside[database+" "+key] = line
		a.mu.Unlock()
	}
	list := parseAccounts(line)
	if len(list) != 1 {
		return account{}, false
	}
	return list[0], true
}

func (a *accounts) userName(id int) (machine.Value, error)  { return a.nameOf("passwd", id) }
func (a *accounts) groupName(id int) (machine.Value, error) { return a.nameOf("group", id) }
func (a *accounts) uid(name string) (int, error)            { return a.idOf("passwd", "user", name) }
func (a *accounts) gid(name string) (int, error)            { return a.idOf("group", "group", name) }

// nameOf is the name of an id, or the id in decimal where it has none.
func (a *accounts) nameOf(database string, id int) (machine.Value, error) {
	c, ok, err := a.byID(database, id)
	if err != nil {
		return machine.Value{}, err
	}
	if !ok {
		c, ok = a.other(database, strconv.Itoa(id))
	}
	if !ok {
		return machine.Text(strconv.Itoa(id)), nil
	}
	return machine.Text(c.name), nil
}

// idOf is the id of a name, or of an id in decimal. kind words the complaint.
func (a *accounts) idOf(database, kind, name string) (int, error) {
	c, ok, err := a.byName(database, name)
	if err != nil {
		return 0, err
	}
	if ok {
		return c.id, nil
	}
	if id, err := strconv.Atoi(name); err == nil && id >= 0 {
		return id, nil
	}
	if c, ok = a.other(database, name); ok {
		return c.id, nil
	}
	return 0, fmt.Errorf("the node has no %s %q", kind, name)
}
