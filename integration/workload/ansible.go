package workload

import (
	"fmt"
	"strings"
)

// Ansible is the workload as a playbook of Ansible for all hosts of its inventory:
// one task a step, after the gathering of facts.
func Ansible() string {
	var b strings.Builder
	b.WriteString("- hosts: all\n  become: true\n  gather_facts: true\n  tasks:\n")
	task := func(module string, arguments ...string) {
		fmt.Fprintf(&b, "    - ansible.builtin.%s:\n", module)
		for i := 0; i < len(arguments); i += 2 {
			fmt.Fprintf(&b, "        %s: %s\n", arguments[i], arguments[i+1])
		}
	}
	for _, path := range folders() {
		task("file", "path", path, "state", "directory", "mode", `"0755"`)
	}
	for _, f := range files() {
		task("copy", "dest", f.path, "content", fmt.Sprintf("%q", f.text), "mode", `"0644"`)
	}
	for _, line := range lines() {
		task("lineinfile", "path", lineFile, "line", line, "create", "true")
	}
	for _, f := range templates() {
		task("template", "src", f.name+".j2", "dest", f.path, "mode", `"0644"`)
	}
	for _, u := range users() {
		task("user", "name", u.name, "uid", fmt.Sprint(u.uid), "shell", "/bin/bash")
	}
	for _, name := range packages {
		// As muster and the script do it: without what a package merely recommends.
		task("apt", "name", name, "state", "present", "install_recommends", "false")
	}
	for _, name := range services {
		task("service", "name", name, "state", "started", "enabled", "true")
	}
	return b.String()
}

// AnsibleTemplates are the files that the playbook's templates are rendered from,
// by name, for a folder `templates` beside it.
func AnsibleTemplates() map[string]string {
	out := map[string]string{}
	for _, f := range templates() {
		out[f.name+".j2"] = fmt.Sprintf(f.text, "{{ ansible_processor_vcpus }}")
	}
	return out
}
