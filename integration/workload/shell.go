package workload

import (
	"fmt"
	"strings"
)

// shellHead are the checks as an administrator writes them: each looks first and
// changes only what differs.
const shellHead = `set -eu
directory() { [ -d "$1" ] && [ "$(stat -c %a:%U:%G "$1")" = 755:root:root ] || install -d -m 0755 "$1"; }
file() { cat >"$tmp"; cmp -s "$tmp" "$1" && [ "$(stat -c %a:%U:%G "$1")" = 644:root:root ] || install -m 0644 "$tmp" "$1"; }
line() { grep -qxF "$2" "$1" 2>/dev/null || printf '%s\n' "$2" >>"$1"; }
login() { [ "$(id -u "$1" 2>/dev/null)" = "$2" ] || useradd -m -s /bin/bash -u "$2" "$1"; }
package() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] || DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$1" >/dev/null; }
service() { systemctl is-active -q "$1" && systemctl is-enabled -q "$1" || systemctl enable -q --now "$1"; }
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
`

// Shell is the workload as a script for sh, to be fed to "sudo sh -s" on a node.
func Shell() string {
	var b strings.Builder
	b.WriteString(shellHead)
	for _, path := range folders() {
		fmt.Fprintf(&b, "directory %s\n", path)
	}
	for _, f := range files() {
		fmt.Fprintf(&b, "file %s <<'END'\n%sEND\n", f.path, f.text)
	}
	for _, line := range lines() {
		fmt.Fprintf(&b, "line %s '%s'\n", lineFile, line)
	}
	for _, f := range templates() {
		fmt.Fprintf(&b, "file %s <<END\n%sEND\n", f.path, fmt.Sprintf(f.text, "$(nproc)"))
	}
	for _, u := range users() {
		fmt.Fprintf(&b, "login %s %d\n", u.name, u.uid)
	}
	for _, name := range packages {
		fmt.Fprintf(&b, "package %s\n", name)
	}
	for _, name := range services {
		fmt.Fprintf(&b, "service %s\n", name)
	}
	return b.String()
}
