package workload

import (
	"fmt"
	"strconv"
	"strings"
)

// HCL is the workload as a playbook of muster, on the hosts of a pattern.
func HCL(on string) string {
	var b strings.Builder
	step := func(module, name string, arguments ...string) {
		fmt.Fprintf(&b, "step %q %q {\n  on = %q\n", module, name, on)
		for i := 0; i < len(arguments); i += 2 {
			fmt.Fprintf(&b, "  %s = %s\n", arguments[i], arguments[i+1])
		}
		b.WriteString("}\n\n")
	}
	quote := strconv.Quote // the texts hold nothing that HCL and Go quote differently
	for i, path := range folders() {
		step("directory", fmt.Sprintf("d%02d", i+1), "path", quote(path), "mode", quote("0755"))
	}
	for _, f := range files() {
		step("file", f.name, "path", quote(f.path), "content", quote(f.text), "mode", quote("0644"))
	}
	for i, line := range lines() {
		step("line", fmt.Sprintf("line%02d", i+1), "path", quote(lineFile), "line", quote(line), "create", "true")
	}
	for _, f := range templates() {
		step("template", f.name, "path", quote(f.path), "template", quote(fmt.Sprintf(f.text, "{{ .cpus }}")),
			"vars", "{ cpus = host.facts.cpus }", "mode", quote("0644"))
	}
	for _, u := range users() {
		step("user", u.name, "name", quote(u.name), "uid", strconv.Itoa(u.uid))
	}
	for _, name := range packages {
		step("package", name, "names", "["+quote(name)+"]")
	}
	for _, name := range services {
		step("service", name, "name", quote(name))
	}
	return b.String()
}
