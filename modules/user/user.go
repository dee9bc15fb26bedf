// Package user is the module `user`.
package user

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"muster/modules"
	"muster/modules/machine"
)

// Module is the module `user`.
var Module = modules.Module{
	Name: "user",
	Doc: "Keeps a user of the node's /etc/passwd.\n\n" +
		"Of a user that exists only what is given is changed. A new one gets a group of its own name and number, /home/NAME and /bin/bash; with system = true /nonexistent and " +
		"/usr/sbin/nologin. A home directory that is missing is made, but not with system = true, and not for a user that exists with a number below 1000, unless home is given. " +
		"A user whose number has to be the same on all nodes belongs before the packages that would make it with a number of their own.",
	Example: `step "user" "alice" {
  on     = "all"
  name   = "alice"
  uid    = 2001
  groups = ["hpc"]
}`,
	New: func() modules.Config { return &Config{State: "present"} },
}

// Config holds the arguments of `user`.
type Config struct {
	Name           string   `arg:"name,required" doc:"login name"`
	UID            int      `arg:"uid" doc:"its number; the next free one when it is not given"`
	Group          string   `arg:"group" doc:"primary group"`
	Groups         []string `arg:"groups" doc:"all supplementary groups: the user leaves others"`
	Home           string   `arg:"home" doc:"home directory"`
	Shell          string   `arg:"shell" doc:"login shell"`
	System         bool     `arg:"system" doc:"take the number of a new user from the range for system users, and make no home"`
	AuthorizedKeys []string `arg:"authorized_keys" doc:"all lines of ~/.ssh/authorized_keys"`
	State          string   `arg:"state" doc:"present, or absent; the home directory stays either way"`
}

// maxID is the highest number below the values that the kernel reserves for
// "no such id" ((uid_t) -1) and its signed cousin.
const maxID = 1<<31 - 2

// Validate checks names, numbers and paths.
func (c *Config) Validate() error {
	if c.UID < 0 || c.UID > maxID {
		return modules.BadArg("uid", "%d is not between 1 and %d", c.UID, maxID)
	}
	for _, k := range c.AuthorizedKeys {
		if k == "" || strings.ContainsAny(k, "\r\n\x00") {
			return modules.BadArg("authorized_keys", "%q is not one line", k)
		}
	}
	for _, g := range c.Groups {
		if err := modules.CheckName("groups", g); err != nil {
			return err
		}
	}
	for _, given := range [][2]string{{"home", c.Home}, {"shell", c.Shell}} {
		arg, p := given[0], given[1]
		if p == "" {
			continue
		}
		if err := modules.CheckPath(arg, p); err != nil {
			return err
		}
		if strings.Contains(p, ":") {
			return modules.BadArg(arg, "%q holds a colon", p)
		}
	}
	if c.Group != "" {
		if err := modules.CheckName("group", c.Group); err != nil {
			return err
		}
	}
	return modules.FirstError(
		modules.CheckName("name", c.Name),
		modules.CheckOneOf("state", c.State, "present", "absent"),
	)
}

// Ensure makes the user so.
func (c *Config) Ensure(ctx context.Context, m machine.Machine) error {
	ref := machine.Ref{Table: "user", Key: c.Name}
	if c.State == "absent" {
		return m.Set(ctx, machine.Item{Ref: ref})
	}
	was, err := m.Read(ctx, ref, "group", "home", "uid")
	if err != nil {
		return err
	}
	items, err := c.userItems(ctx, m, ref, was)
	if err != nil {
		return err
	}
	files, err := c.homeItems(ctx, m, was, items[len(items)-1].Want)
	if err != nil {
		return err
	}
	return m.Set(ctx, append(items, files...)...)
}

// userItems are the user and, before it, the group of its own that a new user
// gets, with the same number: what is to be the same on all nodes would else differ in
// its group. The user comes last.
func (c *Config) userItems(ctx context.Context, m machine.Machine, ref machine.Ref, was machine.State) ([]machine.Item, error) {
	u, isNew := *c, was == nil
	var items []machine.Item
	var how map[string]string
	if c.System {
		how = map[string]string{machine.HowSystem: "true"}
	}
	if isNew {
		if u.Group == "" {
			u.Group = u.Name
			own := machine.Item{Ref: machine.Ref{Table: "group", Key: u.Name}, Want: machine.State{}, How: how}
			there, err := m.Read(ctx, own.Ref, "gid")
			if err != nil {
				return nil, err
			}
			if there == nil && c.UID > 0 {
				own.Want["gid"] = machine.Text(strconv.Itoa(c.UID))
			}
			items = append(items, own)
		}
		u.Home, u.Shell = u.newHome(), u.newShell()
	}
	return append(items, machine.Item{Ref: ref, Want: u.want(), How: how}), nil
}

func (c *Config) want() machine.State {
	w := machine.State{}
	for field, v := range map[string]string{"group": c.Group, "home": c.Home, "shell": c.Shell} {
		if v != "" {
			w[field] = machine.Text(v)
		}
	}
	if c.UID > 0 {
		w["uid"] = machine.Text(strconv.Itoa(c.UID))
	}
	if len(c.Groups) > 0 {
		g := slices.Compact(slices.Sorted(slices.Values(c.Groups)))
		w["groups"] = machine.Text(strings.Join(g, ","))
	}
	return w
}

func (c *Config) newHome() string {
	switch {
	case c.Home != "":
		return c.Home
	case c.System:
		return "/nonexistent"
	}
	return "/home/" + c.Name
}

func (c *Config) newShell() string {
	switch {
	case c.Shell != "":
		return c.Shell
	case c.System:
		return "/usr/sbin/nologin"
	}
	return "/bin/bash"
}

// hasHome says whether a user that exists is to have its home directory. A run that
// was cut off between the user and its home leaves one without; accounts of the
// system often name a directory that nobody means to make.
func (c *Config) hasHome(user machine.State) bool {
	uid, err := strconv.Atoi(user.Get("uid").S)
	return c.Home != "" || err == nil && uid >= 1000 && user.Get("home").S != "/nonexistent"
}

// homeItems are the home directory, where it is missing, and the authorised keys. A
// home that exists keeps its mode and owner.
func (c *Config) homeItems(ctx context.Context, m machine.Machine, was, want machine.State) ([]machine.Item, error) {
	after := machine.Merge(was, want)
	home, group := after.Get("home").S, after.Get("group").S
	if c.System || home == "" || was != nil && len(c.AuthorizedKeys) == 0 && !c.hasHome(after) {
		return nil, nil
	}
	s, err := m.Read(ctx, machine.Ref{Table: "file", Key: home}, "type")
	if err != nil {
		return nil, err
	}
	var items []machine.Item
	if s == nil {
		if items, err = modules.ParentItems(ctx, m, home); err != nil {
			return nil, err
		}
		items = append(items, modules.DirItem(home, "0700", c.Name, group))
	}
	if len(c.AuthorizedKeys) > 0 {
		items = append(items,
			modules.DirItem(home+"/.ssh", "0700", c.Name, group),
			modules.FileItem(home+"/.ssh/authorized_keys", strings.Join(c.AuthorizedKeys, "\n")+"\n", "0600", c.Name, group))
	}
	return items, nil
}
