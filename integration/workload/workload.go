// Package workload is one node configuration of fifty steps, written for muster,
// for Ansible and for sh. All three texts come from the same list, so that a
// comparison of their times compares the same work.
package workload

import (
	"fmt"
	"strings"
)

// Steps is how many steps the playbook has; Ansible's adds the gathering of facts,
// which muster always does.
const Steps = 10 + 15 + 10 + 5 + 5 + 3 + 2

// Root is the folder that all files of the workload are in.
const Root = "/srv/workload"

// file is a text file with root as owner.
type file struct {
	name, path, text string
}

// login is a user with a number that no image has.
type login struct {
	name string
	uid  int
}

// text is what the files and templates say: about a kilobyte each, none like another.
func text(title string, lines int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", title)
	for i := range lines {
		fmt.Fprintf(&b, "%s.setting.%02d = value-%d\n", title, i+1, (i+1)*len(title))
	}
	return b.String()
}

func folders() (paths []string) {
	for i := range 10 {
		paths = append(paths, fmt.Sprintf("%s/d%02d", Root, i+1))
	}
	return paths
}

func files() (out []file) {
	dirs := folders()
	for i := range 15 {
		name := fmt.Sprintf("file%02d", i+1)
		out = append(out, file{name, fmt.Sprintf("%s/%s.conf", dirs[i%len(dirs)], name), text(name, 30)})
	}
	return out
}

// templates have the node's number of processors for %s.
func templates() (out []file) {
	dirs := folders()
	for i := range 5 {
		name := fmt.Sprintf("template%d", i+1)
		out = append(out, file{name, dirs[i] + "/" + name + ".conf", text(name, 30) + "cpus = %s\n"})
	}
	return out
}

// lineFile is the file that the ten lines are kept in.
const lineFile = Root + "/lines.conf"

func lines() (out []string) {
	for i := range 10 {
		out = append(out, fmt.Sprintf("option%02d = %d", i+1, (i+1)*100))
	}
	return out
}

func users() (out []login) {
	for i := range 5 {
		out = append(out, login{fmt.Sprintf("worker%d", i+1), 3001 + i})
	}
	return out
}

// packages are small, and no lab image has them. Services are one that they bring
// and one that every node has.
var (
	packages = []string{"cron", "logrotate", "rsync"}
	services = []string{"cron", "ssh"}
)
